"""Limits of files and sockets. Every connection takes a descriptor and an ephemeral port."""

from __future__ import annotations

import resource
from pathlib import Path

from squall.cli.doctor.check import Check, Grade, graded

PROC = Path("/proc")


def open_files(limit: int | None = None) -> Check:
    """The soft limit of open files; ``limit`` stands in for the process's own."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if limit is None else limit
    unlimited = soft == resource.RLIM_INFINITY
    return graded(
        "open files",
        float("inf") if unlimited else soft,
        warn_below=1024,
        problem_below=128,
        found="unlimited" if unlimited else f"{soft:,} allowed",
        advice="each connection takes one; raise the limit: ulimit -n 65536",
        values={"open_files_limit": None if unlimited else float(soft)},
    )


def ephemeral_ports(proc: Path = PROC) -> Check:
    """How many local ports outgoing connections can take."""
    text = _read(proc / "sys/net/ipv4/ip_local_port_range")
    if text is None:
        return _unknown("local ports")
    low, high = (int(part) for part in text.split())
    return graded(
        "local ports",
        high - low + 1,
        warn_below=10_000,
        problem_below=100,
        found=f"{high - low + 1:,} ({low}–{high})",
        advice="widen the range: sysctl -w net.ipv4.ip_local_port_range='1024 65535'",
        values={"ports": float(high - low + 1)},
    )


def time_wait(proc: Path = PROC) -> Check:
    """Closed connections that still hold a port (TIME_WAIT), in this network namespace."""
    sockets = _read(proc / "net/sockstat")
    ports = _read(proc / "sys/net/ipv4/ip_local_port_range")
    count = None if sockets is None else _time_wait_count(sockets)
    if count is None or ports is None:
        return _unknown("sockets in TIME_WAIT")
    low, high = (int(part) for part in ports.split())
    busy = count > (high - low + 1) / 2
    return Check(
        "sockets in TIME_WAIT",
        Grade.WARNING if busy else Grade.GOOD,
        f"{count:,}",
        "over half of the local ports are held; wait a minute before the next run, or allow"
        " reuse: sysctl -w net.ipv4.tcp_tw_reuse=1"
        if busy
        else "",
        {"time_wait_sockets": float(count)},
    )


def accept_queue(proc: Path = PROC) -> Check:
    """The longest queue of connections a local server may keep waiting (somaxconn)."""
    text = _read(proc / "sys/net/core/somaxconn")
    if text is None:
        return _unknown("accept queue")
    length = int(text)
    return graded(
        "accept queue",
        length,
        warn_below=1024,
        problem_below=1,
        found=f"{length:,} connections (somaxconn)",
        advice="a local target may refuse bursts of connections: sysctl -w net.core.somaxconn=4096",
        values={"somaxconn": float(length)},
    )


def _time_wait_count(sockstat: str) -> int | None:
    for line in sockstat.splitlines():
        words = line.split()
        if words and words[0] == "TCP:" and "tw" in words:
            return int(words[words.index("tw") + 1])
    return None


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None


def _unknown(name: str) -> Check:
    return Check(name, Grade.WARNING, "cannot be read here", "only Linux shows it; check by hand")
