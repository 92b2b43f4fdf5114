"""Tables of the results store and the migrations that bring an older database up to date.

Version 1 kept each result whole in ``runs.document``. Version 2 moved the per-second rows to
``seconds`` (so that SQL and trends can use them without reading documents) and added the target,
P99, recall and lost to the summary. Version 3 added the decision P95 to those rows. A migration
runs in one transaction with its version number.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    inspect,
    select,
    text,
    update,
)

from squall.errors import StoreError
from squall.models import Second

VERSION = 3
"""The version that this program writes."""

METADATA = MetaData()

VERSION_TABLE = Table("squall_schema", METADATA, Column("version", Integer, nullable=False))

RUNS = Table(
    "runs",
    METADATA,
    Column("run_id", String(128), primary_key=True),
    Column("scenario", String(128), nullable=False),
    Column("started_at", String(40), nullable=False),
    Column("finished_at", String(40), nullable=False, default=""),
    Column("status", String(20), nullable=False),
    Column("verdict", String(20), nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("planned", BigInteger),
    Column("accepted", BigInteger),
    Column("peak_tps", Double),
    Column("error_rate", Double),
    Column("response_ms_p95", Double),
    Column("document", Text),
    Column("target", Text, nullable=False, default="", server_default=""),
    Column("response_ms_p99", Double),
    Column("lost", BigInteger),
    Column("recall", Double),
    Index("runs_by_start", "started_at"),
    Index("runs_by_scenario", "scenario", "started_at"),
    Index("runs_by_verdict", "verdict", "started_at"),
)

_SECOND_TYPES = {"int": BigInteger, "float | None": Double}

SECONDS = Table(
    "seconds",
    METADATA,
    Column("run_id", String(128), ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True),
    *(
        Column(f.name, _SECOND_TYPES[str(f.type)], primary_key=f.name == "at_s")
        for f in fields(Second)
    ),
)


def summary_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """The summary columns of a run, from the plain JSON values of its result."""
    accounting, response = document["accounting"], document["latency_ms"]["response"]
    return {
        "scenario": document["scenario"],
        "started_at": document["started_at"],
        "finished_at": document["finished_at"],
        "status": document["status"],
        "verdict": document["verdict"],
        "seed": document["seed"],
        "target": document["target"],
        "planned": accounting["planned"],
        "accepted": accounting["accepted"],
        "lost": accounting["lost"],
        "peak_tps": document["throughput"]["peak_tps"],
        "error_rate": document["error_rate"],
        "response_ms_p95": response["p95"],
        "response_ms_p99": response["p99"],
        "recall": document["detection"]["recall"],
    }


def _to_version_2(connection: Connection) -> None:
    for column in ("target", "response_ms_p99", "lost", "recall"):
        kind = RUNS.c[column].type.compile(connection.dialect)
        rest = " NOT NULL DEFAULT ''" if column == "target" else ""
        connection.execute(text(f"ALTER TABLE runs ADD COLUMN {column} {kind}{rest}"))
    SECONDS.create(connection)
    for run_id in connection.scalars(select(RUNS.c.run_id)).all():
        document = connection.scalar(select(RUNS.c.document).where(RUNS.c.run_id == run_id))
        if document is None:
            continue
        try:
            tree = json.loads(document)
            rows, tree["seconds"] = tree["seconds"], []
            values = {"document": json.dumps(tree), **summary_of(tree)}
        except (ValueError, KeyError, TypeError):
            continue  # a damaged document stays as it is; reading that run will say so
        connection.execute(update(RUNS).where(RUNS.c.run_id == run_id).values(**values))
        if rows:
            connection.execute(insert(SECONDS), [{"run_id": run_id, **row} for row in rows])


def _to_version_3(connection: Connection) -> None:
    known = {column["name"] for column in inspect(connection).get_columns(SECONDS.name)}
    if "decision_p95" not in known:  # version 2 made from version 1 has it already
        kind = SECONDS.c.decision_p95.type.compile(connection.dialect)
        connection.execute(text(f"ALTER TABLE {SECONDS.name} ADD COLUMN decision_p95 {kind}"))


_MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_to_version_2, _to_version_3)
"""Migration i brings version i + 1 to version i + 2."""


def current_version(connection: Connection) -> int | None:
    """The database's version; None when it has no squall tables yet."""
    if not inspect(connection).has_table(VERSION_TABLE.name):
        return None
    version: int | None = connection.scalar(select(VERSION_TABLE.c.version))
    return version


def upgrade(connection: Connection, store: str) -> None:
    """Create the tables or migrate them to ``VERSION``, inside the caller's transaction.

    ``store`` is its name in messages. Raises ``StoreError`` when the database is newer than this
    program or another's.
    """
    if connection.dialect.name == "postgresql":  # two programs must not migrate at once
        connection.execute(text("SELECT pg_advisory_xact_lock(7883172)"))
    version = current_version(connection)
    if version is None:
        taken = {RUNS.name, SECONDS.name} & set(inspect(connection).get_table_names())
        if taken:
            raise StoreError(
                f"the results store {store} holds {' and '.join(sorted(taken))} of another "
                "program; give a store of its own with --store or SQUALL_STORE"
            )
        METADATA.create_all(connection)
        connection.execute(insert(VERSION_TABLE).values(version=VERSION))
        return
    if version > VERSION:
        raise StoreError(
            f"the results store {store} has version {version}, made by a newer squall; this one "
            f"reads up to version {VERSION}. Upgrade squall, or give another store with --store"
        )
    for migration in _MIGRATIONS[version - 1 :]:
        migration(connection)
    if version != VERSION:
        connection.execute(update(VERSION_TABLE).values(version=VERSION))
