"""The index of all runs: one table in SQLite (WAL), or in another database that SQLAlchemy reaches by an address.

Every write is one statement and commits by itself, so any number of processes may write at once. The schema has a
version, that of Alembic's newest revision: a new database is made at once and stamped with it, an older one migrated.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from fcpts_core.store.place import StoreError

HEAD = "0001"
"""The newest revision in `migrations/versions`."""

PATIENCE = 30.0
"""Seconds to wait for other writers."""

METADATA = sa.MetaData()
RUNS = sa.Table(
    "runs",
    METADATA,
    sa.Column("id", sa.String(100), primary_key=True),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("origin", sa.String(20), nullable=False),
    sa.Column("model", sa.String(200), nullable=False),
    sa.Column("method", sa.String(100), nullable=False),
    sa.Column("target_sparsity", sa.Float, nullable=False),
    sa.Column("config", sa.Text, nullable=False),
    sa.Column("threads", sa.Integer, nullable=False),
    sa.Column("started", sa.Float, nullable=False, index=True),
    sa.Column("sparsity", sa.Float),
    sa.Column("accuracy", sa.Float),
    sa.Column("dense_accuracy", sa.Float),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("steps", sa.Integer, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("finished", sa.Float),
    sa.Column("owner", sa.String(64), nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("tags", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("deleted", sa.Float),
    sa.Column("version", sa.String(40), nullable=False),
)
VERSION = sa.table("alembic_version", sa.column("version_num", sa.String))


def open_database(url: str, directory: Path) -> tuple[Engine, bool]:
    """The engine, its schema up to date, and whether the database is a new one."""
    engine = _engine(url)
    with explained(url):
        found = _version(engine)
        if found == HEAD:
            return engine, False
        with _one_at_a_time(directory):
            found = _version(engine)
            if found is None:
                _create(engine)
                return engine, True
            if found != HEAD:
                _migrate(url, found)
    return engine, False


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Errors of the database as sentences."""
    try:
        yield
    except sa.exc.OperationalError as error:
        raise StoreError(
            f"The store's database {_shown(url)} cannot be used ({_cause(error)}): expected a directory in which files "
            "may be written, on a disk with room; name another one with --store or FCPTS_STORE."
        ) from error
    except sa.exc.DatabaseError as error:
        raise StoreError(
            f"The store's database {_shown(url)} is damaged ({_cause(error)}). The runs themselves lie in folders of "
            "their own: `fcpts runs --repair` builds the database anew from them."
        ) from error


def _engine(url: str) -> Engine:
    try:
        address = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise StoreError(
            f"{url!r} is no address of a database: expected one such as postgresql+psycopg://user@host/name."
        ) from None
    local = address.get_backend_name() == "sqlite"
    try:
        engine = sa.create_engine(
            address,
            isolation_level="AUTOCOMMIT",
            **({"connect_args": {"timeout": PATIENCE}} if local else {"pool_pre_ping": True}),
        )
    except (ImportError, sa.exc.ArgumentError) as error:
        raise StoreError(f"The database {address!r} cannot be reached ({error}): install its driver.") from None
    if local:
        sa.event.listen(engine, "connect", _tuned)
    return engine


def _tuned(connection: Any, record: object) -> None:
    cursor = connection.cursor()
    # Waiting comes first: changing the journal needs the lock that others may hold.
    for pragma in (f"busy_timeout={int(1000 * PATIENCE)}", "journal_mode=WAL", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _version(engine: Engine) -> str | None:
    """The revision of the schema; "" where there is an empty version table, None where there is nothing."""
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        return str(connection.execute(sa.select(VERSION.c.version_num)).scalar() or "")


def _create(engine: Engine) -> None:
    """The newest schema at once; Alembic would take half a second to come to the same."""
    with engine.connect() as connection:
        METADATA.create_all(connection)
        connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
        connection.execute(sa.insert(VERSION).values(version_num=HEAD))


def _migrate(url: str, found: str) -> None:
    from alembic import command
    from alembic.util import CommandError

    try:
        command.upgrade(alembic_config(url), "head")
    except CommandError:
        raise StoreError(
            f"The store's database {_shown(url)} has the schema {found}, which this version of the program does not "
            "know: it was written by a newer one. Update the program, or name another store."
        ) from None


def alembic_config(url: str) -> Any:
    """What Alembic needs to know to find the migrations and the database."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = url
    return config


@contextmanager
def _one_at_a_time(directory: Path) -> Iterator[None]:
    handle = os.open(directory / "schema.lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _shown(url: str) -> str:
    address = sa.make_url(url)
    return str(address.database) if address.get_backend_name() == "sqlite" else repr(address)


def _cause(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error)
