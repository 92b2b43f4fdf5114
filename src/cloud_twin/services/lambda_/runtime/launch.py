"""The first thing that runs in an execution environment's process.

Ties the process to the twin, then becomes AWS's runtime interface client, as
``python -m awslambdaric HANDLER`` would. Started by its path with ``python -P``, so that nothing
of this directory can be imported by a function.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """``launch.py TWIN_PID HANDLER``."""
    twin_pid, handler = int(sys.argv[1]), sys.argv[2]
    if sys.platform == "linux":
        # The kernel ends this process when the twin ends, even where the twin is killed.
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != twin_pid:
        os._exit(1)
    sys.path.insert(0, os.getcwd())
    sys.argv = ["awslambdaric", handler]
    runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
