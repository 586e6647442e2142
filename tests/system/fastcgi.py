"""A FastCGI client of the tests' own: one request on one connection, over tcp or unix."""

import socket
import struct

BEGIN_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT, STDERR = 1, 3, 4, 5, 6, 7
RESPONDER = 1


def record(kind, content=b""):
    return struct.pack(">BBHHBx", 1, kind, 1, len(content), 0) + content


def pair(name, value):
    def length(text):
        return struct.pack(">B", len(text)) if len(text) < 128 else struct.pack(">I", len(text) | 1 << 31)
    return length(name) + length(value) + name + value


def connect(address, timeout=30):
    """`address`: a path, or (host, port)."""
    connection = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
    connection.settimeout(timeout)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def send(connection, script, query="", body=b""):
    variables = {"SCRIPT_FILENAME": script, "QUERY_STRING": query, "REQUEST_METHOD": "POST" if body else "GET",
                 "CONTENT_LENGTH": str(len(body)), "SERVER_PROTOCOL": "HTTP/1.1", "GATEWAY_INTERFACE": "CGI/1.1"}
    parameters = b"".join(pair(name.encode(), value.encode()) for name, value in variables.items())
    connection.sendall(record(BEGIN_REQUEST, struct.pack(">HB5x", RESPONDER, 0)) + record(PARAMS, parameters)
                       + record(PARAMS) + (record(STDIN, body) if body else b"") + record(STDIN))


def read_exactly(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise EOFError("the connection was closed in the middle of an answer")
        data += piece
    return data


def receive(connection):
    """What the program wrote to its standard output: header and body."""
    output = b""
    while True:
        _, kind, _, size, padding = struct.unpack(">BBHHBx", read_exactly(connection, 8))
        content = read_exactly(connection, size + padding)[:size]
        if kind == STDOUT:
            output += content
        elif kind == END_REQUEST:
            return output.decode()


def ask(address, script, query="", body=b"", timeout=30):
    with connect(address, timeout) as connection:
        send(connection, script, query, body)
        return receive(connection)
