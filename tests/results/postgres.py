"""A real PostgreSQL server for the tests: its own data, a Unix socket, no network, ended by pid."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

_START_DEADLINE_S = 30.0
_names = itertools.count(1)


class Server:
    """A running server."""

    def __init__(self, socket_dir: Path) -> None:
        self._socket_dir = socket_dir

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{database}?host={self._socket_dir}"

    def new_database(self) -> str:
        """URL of an empty database."""
        name = f"test_{next(_names)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)


@contextmanager
def running_server() -> Iterator[Server]:
    """Start a server, and end it whatever happens."""
    home = Path(tempfile.mkdtemp(prefix="squall-pg-"))
    user = _unprivileged_user()
    if user is not None:
        os.chown(home, user.pw_uid, user.pw_gid)
    try:
        _run(
            ["initdb", "-D", str(home / "data"), "-A", "trust", "-U", "postgres", "-N"], user, home
        )
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(
                _as_user(
                    [
                        *(_program("postgres"), "-D", str(home / "data"), "-k", str(home)),
                        *("-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=20"),
                    ],
                    user,
                ),
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=home,
            )
        try:
            _wait(process, Server(home), home / "log")
            yield Server(home)
        finally:
            process.send_signal(signal.SIGINT)  # fast shutdown
            process.wait(timeout=20)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes], server: Server, log: Path) -> None:
    deadline = time.monotonic() + _START_DEADLINE_S
    while True:
        try:
            psycopg.connect(server.url()).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}") from None
            time.sleep(0.05)
        else:
            return


def _program(name: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        raise RuntimeError(f"the tests need PostgreSQL's {name}: apt-get install postgresql")
    return path


def _unprivileged_user() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root; anybody else may be used as they are."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _as_user(command: list[str], user: pwd.struct_passwd | None) -> list[str]:
    if user is None:
        return command
    drop = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return [*drop, *command]


def _run(command: list[str], user: pwd.struct_passwd | None, cwd: Path) -> None:
    command = [_program(command[0]), *command[1:]]
    done = subprocess.run(
        _as_user(command, user), cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
