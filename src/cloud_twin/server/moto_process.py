"""The process in which moto runs: ``python -m cloud_twin.server.moto_process SOCKET PARENT``.

Writes ``ready`` on standard output when it listens, or one line that says why it cannot.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable
from typing import Any

from cloud_twin.server.moto_http import UNSERVED

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve moto on the Unix socket until killed, or until the twin has ended."""
    socket, parent = sys.argv[1], int(sys.argv[2])
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the twin decides when to stop
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    try:
        from moto.moto_server.werkzeug_app import (
            DomainDispatcherApplication,
            MotoRequestHandler,
            create_backend_app,
        )
        from werkzeug.serving import make_server
    except ImportError as error:
        sys.stdout.write(f"{error}; install it: pip install 'squall[moto]'\n")
        sys.exit(1)
    application = DomainDispatcherApplication(lambda name: backend(name, create_backend_app))
    server = make_server(
        f"unix://{socket}", 0, application, threaded=True, request_handler=MotoRequestHandler
    )
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    server.serve_forever()


def backend(name: Any, create: Callable[[Any], Any]) -> Any:
    """moto's application for one service, or one that says that moto has no such service.

    moto leaves what it has not implemented to its server, which makes a failure of it.
    """
    from botocore.model import OperationNotFoundError

    if name is None:
        return _no_service
    application = create(name)
    for kind in (NotImplementedError, OperationNotFoundError):
        application.register_error_handler(kind, _no_operation)
    return application


def _no_operation(error: Exception) -> tuple[str, int, dict[str, str]]:
    return str(error), 501, {UNSERVED: "operation"}


def _no_service(environ: object, start_response: Callable[..., object]) -> Iterable[bytes]:
    start_response("501 Not Implemented", [(UNSERVED, "service")])
    return [b"moto has no such service"]


if __name__ == "__main__":
    main()
