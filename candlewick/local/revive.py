"""Event listener of supervisord: a program that it gave up (FATAL) is asked for again, for ever.

supervisord stops trying after a number of starts; a broker whose disk was full for an hour would
stay down until someone looked.
"""

import os
import random
import sys
import time
import xmlrpc.client

from supervisor import childutils

LONGEST_WAIT = 30.0


def main() -> None:
    rpc = childutils.getRPCInterface(dict(os.environ))
    while True:
        headers, payload = childutils.listener.wait(sys.stdin, sys.stdout)
        if headers["eventname"] == "PROCESS_STATE_FATAL":
            program = childutils.get_headers(payload)
            name = f"{program['groupname']}:{program['processname']}"
            time.sleep(random.uniform(LONGEST_WAIT / 2, LONGEST_WAIT))  # noqa: S311  (jitter)
            try:
                rpc.supervisor.startProcess(name, False)  # noqa: FBT003
            except xmlrpc.client.Fault as fault:
                sys.stderr.write(f"{name}: {fault.faultString}\n")
        childutils.listener.ok(sys.stdout)


if __name__ == "__main__":
    main()
