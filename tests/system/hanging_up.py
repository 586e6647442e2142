"""A go-between in front of systemd's own socket that hangs up, as systemd does when it executes itself anew: at the moment that a
test chooses, which no daemon-reexec can be timed to."""

import contextlib
import dataclasses
import os
import socket
import struct
import threading

SYSTEMD = "/run/systemd/private"
# Ends what comes before the messages.
AGREED = b"AGREE_UNIX_FD\r\n"


def messages(data):
    """The whole messages that this begins with, and what is left."""
    found = []
    while len(data) >= 16:
        (body,), (fields,) = struct.unpack_from("<I", data, 4), struct.unpack_from("<I", data, 12)
        end = 16 + (fields + 7) // 8 * 8 + body
        if len(data) < end:
            break
        found.append(data[:end])
        data = data[end:]
    return found, data


@dataclasses.dataclass(frozen=True)
class Answer:
    """The first one with this word in it, which still gets there or does not."""
    word: bytes
    passed: bool


class HangingUp:
    """`answers`: for each connection in turn, the one that it is hung up at. What later connections say is passed on."""

    def __init__(self, path, *answers):
        self.answers = list(answers)
        self.hung_up = 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(16)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            client = self.listener.accept()[0]
            server = socket.socket(socket.AF_UNIX)
            server.connect(SYSTEMD)
            answer = self.answers.pop(0) if self.answers else None
            threading.Thread(target=self.forward, args=(client, server), daemon=True).start()
            threading.Thread(target=self.back, args=(server, client, answer), daemon=True).start()

    def forward(self, client, server):
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                server.sendall(data)
        self.end(client, server)

    def back(self, server, client, answer):
        with contextlib.suppress(OSError):
            self.pass_on(server, client, answer)
        self.end(client, server)

    def pass_on(self, server, client, answer):
        data, agreed = b"", False
        while more := server.recv(65536):
            data += more
            if not agreed and AGREED in data:
                agreed = True
                head, _, data = data.partition(AGREED)
                client.sendall(head + AGREED)
            whole, data = messages(data) if agreed else ([], data)
            for message in whole:
                if answer and answer.word in message:
                    if answer.passed:
                        client.sendall(message)
                    self.hung_up += 1
                    return
                client.sendall(message)

    @staticmethod
    def end(*sockets):
        for each in sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def in_front(directory, socket_path, program):
    """A script in `directory` that runs `program` where `socket_path` is in the place of systemd's socket."""
    path = os.path.join(directory, os.path.basename(program))
    with open(path, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\nexec unshare --mount --propagation private -- /bin/sh -c '\n"
                   f'mount --bind {socket_path} {SYSTEMD} && exec {program} "$@"\' sh "$@"\n')
    os.chmod(path, 0o755)
