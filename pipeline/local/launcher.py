"""Becomes a server that ends with its parent: run as a script, never imported.

Arguments: the parent's process number, then the server's command line. On Linux the kernel is
asked (prctl PR_SET_PDEATHSIG, kept over exec) to send SIGTERM when the thread that started this
process ends, however it ends. Elsewhere a killed owner leaves its servers to the next start.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask the kernel, then exec the server."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            sys.exit("The owner ended before its server started.")
    os.execv(command[0], command)  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    main()
