"""An event listener for the oracle: appends "NAMESPEC OLD NEW" to a file at every change of a process's state."""

import sys


def fields(text):
    return dict(field.split(":", 1) for field in text.split())


def namespec(event):
    group, process = event["groupname"], event["processname"]
    return process if group == process else f"{group}:{process}"


def main(path):
    with open(path, "a", encoding="utf-8", buffering=1) as record:
        while True:
            sys.stdout.write("READY\n")
            sys.stdout.flush()
            line = sys.stdin.readline()
            if not line:
                return
            header = fields(line)
            event = fields(sys.stdin.read(int(header["len"])))
            record.write(f"{namespec(event)} {event['from_state']} {header['eventname'].removeprefix('PROCESS_STATE_')}\n")
            sys.stdout.write("RESULT 2\nOK")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
