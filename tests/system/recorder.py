"""An event listener, written with the oracle's childutils, that appends every event it gets to a file as a line of JSON. All
events of one life of the daemon have the same "parent"."""

import json
import os
import sys

from supervisor import childutils


def main(path):
    parent = os.getppid()
    with open(path, "a", encoding="utf-8", buffering=1) as record:
        while True:
            headers, payload = childutils.listener.wait(sys.stdin, sys.stdout)
            record.write(json.dumps({"by": os.environ["SUPERVISOR_PROCESS_NAME"], "parent": parent, "headers": headers,
                                     "payload": payload}) + "\n")
            childutils.listener.ok(sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
