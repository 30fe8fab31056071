"""The store of runs: who may do what with which run, and what became of it.

    directory/runs.sqlite3      the index (see `database`), unless another database is named
    directory/runs/ID/          one folder a run (see `folder`)
    directory/owners/           who has runs in hand (see `owner`)
    directory/uploads/          files that readers gave to the pages, for the runs that use them
    directory/settings.json     how long runs are kept

A run is known to the index from its first moment. It belongs to one process, its owner, until it ends; where the owner
has gone, whoever looks next finds out from the run's folder what became of it: done after all, or interrupted.
"""

from __future__ import annotations

import difflib
import json
import os
import shutil
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Result
from fcpts_core.errors import InputError
from fcpts_core.store.database import RUNS, explained, open_database
from fcpts_core.store.ending import figures, left_behind
from fcpts_core.store.folder import RECORD, RunFolder, write_record
from fcpts_core.store.owner import Owner, lives
from fcpts_core.store.place import UPLOADS, StoreError, database_url
from fcpts_core.store.records import Kept, Origin, RunRecord, checked_id, new_id
from fcpts_core.store.writing import folder_at, sentences, unwritable

BIN_SECONDS = 24 * 3600.0
"""How long a deleted run can be brought back."""

PATHS = ("weights", "images", "test", "data", "sensitivities")
"""Settings that name files."""

NOT_KEPT = "The run ended, but its files could not be kept."


class Store:
    """One store; every method may be called from any thread. What cannot be read or written is a StoreError."""

    def __init__(self, directory: str | Path, url: str | None = None) -> None:
        self.directory = Path(directory)
        self.url = url or database_url(self.directory)
        folder_at(self.directory / "runs")

    @cached_property
    def _engine(self) -> Engine:
        engine, fresh = open_database(self.url, self.directory)
        if fresh:
            self._index_folders(engine)
        return engine

    @cached_property
    def _owner(self) -> Owner:
        with sentences(self.directory):
            return Owner(self.directory)

    def close(self) -> None:
        """Lets go of the database and of all runs that this process has in hand."""
        if "_owner" in self.__dict__:
            self._owner.close()
        if "_engine" in self.__dict__:
            self._engine.dispose()

    # Runs as they come and go.

    def begin(
        self,
        config: RunConfig,
        *,
        threads: int,
        origin: Origin = Origin.CLI,
        key: str | None = None,
        state: Kept = Kept.RUNNING,
        label: str = "",
    ) -> RunRecord:
        """A new run, in the hand of this process; InputError where there is one of that id."""
        from fcpts_core.options import installed_version

        key = new_id(config) if key is None else checked_id(key)
        record = RunRecord(
            id=key,
            state=state,
            origin=origin,
            model=config.model,
            method=config.method,
            target_sparsity=config.sparsity,
            config=_from_anywhere(json.loads(json.dumps(config.to_json()))),
            threads=threads,
            started=time.time(),
            owner=self._owner.name,
            label=label,
            version=installed_version(),
        )
        path = self.folder(key).path
        try:
            path.mkdir()
        except FileExistsError:
            raise InputError(
                f"There is a run {key} already: choose another id, or remove that run with `fcpts delete {key}`."
            ) from None
        except OSError as error:
            raise unwritable(path, error) from error
        try:
            with explained(self.url), self._engine.connect() as connection:
                connection.execute(sa.insert(RUNS).values(**record.to_row()))
            with sentences(path):
                write_record(path, record.to_row())
        except BaseException:
            self.folder(key).remove()
            raise
        return record

    def claim(self, key: str) -> RunRecord:
        """Takes a run that has not ended well into this process's hand, to go on with it; InputError otherwise."""
        record = self.get(key)
        owner = self._owner.name
        resumable = [state.value for state in Kept if state.resumable]
        taken = self._update(
            sa.and_(RUNS.c.id == key, RUNS.c.state.in_(resumable)),
            {"state": Kept.RUNNING.value, "owner": owner, "reason": "", "finished": None, "deleted": None},
        )
        if not taken:
            now = self.get(key)
            raise InputError(
                f"The run {key} is done already: `fcpts export {key}` takes its result out."
                if now.state is Kept.DONE
                else f"The run {key} is {now.state.value} in another process: only a run that was interrupted, stopped "
                "or has failed can be resumed."
            )
        return replace(record, state=Kept.RUNNING, owner=owner, reason="", finished=None, deleted=None)

    def advance(self, key: str, step: int, steps: int, sparsity: float | None, seconds: float) -> None:
        """Notes how far a run has come."""
        self._update(RUNS.c.id == key, {"step": step, "steps": steps, "sparsity": sparsity, "seconds": seconds})

    def running(self, key: str) -> None:
        """A queued run's turn has come."""
        self._update(RUNS.c.id == key, {"state": Kept.RUNNING.value})

    def end(self, key: str, state: Kept, result: Result | None = None, reason: str = "") -> RunRecord:
        """A run of this process has ended; its folder is tidied."""
        values: dict[str, Any] = {"state": state.value, "owner": "", "reason": reason, "finished": time.time()}
        if result is not None:
            values |= figures(result)
        folder = self.folder(key)
        if state is Kept.DONE:
            with sentences(folder.path):
                folder.pack()
        values["bytes"] = folder.size()
        self._update(RUNS.c.id == key, values)
        record = self._select(RUNS.c.id == key)[0]
        with sentences(folder.path):
            write_record(folder.path, record.to_row())
        return record

    # Looking.

    def find(self, key: str) -> RunRecord | None:
        """The run of that id as it stands now, None where there is none; one in the bin is found too."""
        rows = self._select(RUNS.c.id == key)
        return self._settled(rows[0]) if rows else None

    def get(self, key: str) -> RunRecord:
        """The run of that id; an InputError, with the names that come near, where there is none."""
        found = self.find(key)
        if found is None or found.deleted is not None:
            near = difflib.get_close_matches(key, [record.id for record in self.runs()], n=3, cutoff=0.4)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            raise InputError(f"There is no run {key} in {self.directory}: `fcpts runs` lists them.{hint}")
        return found

    def runs(self) -> tuple[RunRecord, ...]:
        """All runs but those in the bin, the newest first."""
        return tuple(map(self._settled, self._select(RUNS.c.deleted.is_(None))))

    def folder(self, key: str) -> RunFolder:
        return RunFolder(self.directory / "runs" / key)

    def used_bytes(self) -> int:
        """What all runs take on the disk, the bin included."""
        with suppress(OSError):
            return sum(RunFolder(item.path).size() for item in os.scandir(self.directory / "runs") if item.is_dir())
        return 0

    # What a reader does.

    def describe(
        self, key: str, *, title: str | None = None, tags: Sequence[str] | None = None, note: str | None = None
    ) -> None:
        """Changes the reader's own words on a run; what is None stays."""
        given = {"title": title, "tags": None if tags is None else json.dumps(list(tags)), "note": note}
        if values := {name: value for name, value in given.items() if value is not None}:
            self._update(RUNS.c.id == key, values)
            self._write_record(key)

    def discard(self, keys: Iterable[str]) -> None:
        """Puts runs into the bin; those that are being computed stay."""
        final = [state.value for state in Kept if not state.live]
        self._update(sa.and_(RUNS.c.id.in_(list(keys)), RUNS.c.state.in_(final)), {"deleted": time.time()})

    def restore(self, keys: Iterable[str]) -> None:
        """Takes runs out of the bin."""
        self._update(RUNS.c.id.in_(list(keys)), {"deleted": None})

    def remove(self, key: str) -> None:
        """Removes a run for good; an InputError for one that is being computed."""
        record = self.find(key)
        if record is None:
            self.get(key)
            return
        if record.state.live:
            raise InputError(f"The run {key} is {record.state.value}: stop it, then delete it.")
        # Its copy of the row goes first: what is left of a folder must not come back when the index is built anew.
        with suppress(OSError):
            (self.folder(key).path / RECORD).unlink(missing_ok=True)
        with explained(self.url), self._engine.connect() as connection:
            connection.execute(sa.delete(RUNS).where(RUNS.c.id == key))
        self.folder(key).remove()

    # Keeping house.

    @property
    def keep_runs(self) -> int | None:
        """How many ended runs are kept at most, None for all."""
        try:
            found = json.loads((self.directory / "settings.json").read_text())["keep_runs"]
            return found if isinstance(found, int) and found > 0 else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @keep_runs.setter
    def keep_runs(self, count: int | None) -> None:
        from fcpts_core.store.folder import write_whole

        with sentences(self.directory):
            write_whole(self.directory / "settings.json", (json.dumps({"keep_runs": count}) + "\n").encode())
        self.tidy()

    def tidy(self) -> None:
        """Empties the bin of what is old, and puts into it what is beyond `keep_runs`, the oldest first.

        Runs that have a name, a tag or a note stay. Uploaded files that no run needs any more go too.
        """
        for record in self._select(RUNS.c.deleted < time.time() - BIN_SECONDS):
            self.remove(record.id)
        if (limit := self.keep_runs) is not None:
            ended = [record for record in self.runs() if not record.state.live]
            self.discard(record.id for record in ended[limit:] if not record.touched)
        needed = {str(record.config.get(name)) for record in self._select(sa.true()) for name in PATHS}
        for folder in (self.directory / UPLOADS).glob("*"):
            with suppress(OSError):
                old = folder.stat().st_mtime < time.time() - BIN_SECONDS
                if old and not any(str(item) in needed for item in folder.iterdir()):
                    shutil.rmtree(folder, ignore_errors=True)

    def repair(self) -> int:
        """Builds a damaged index anew from the runs' folders; returns how many runs it has then."""
        if "_engine" in self.__dict__:
            self._engine.dispose()
            del self.__dict__["_engine"]
        address = sa.make_url(self.url)
        if address.get_backend_name() != "sqlite" or not address.database:
            raise StoreError("Only an SQLite index can be built anew: repair a database server by its own means.")
        stamp = time.strftime("%Y%m%d-%H%M%S")
        for suffix in ("", "-wal", "-shm"):
            path = Path(address.database + suffix)
            if path.exists():
                with sentences(self.directory):
                    path.rename(f"{address.database}.damaged-{stamp}{suffix}")
        return len(self.runs())

    # Inside.

    def _index_folders(self, engine: Engine) -> None:
        for path in sorted((self.directory / "runs").glob(f"*/{RECORD}")):
            with suppress(OSError, ValueError, KeyError, TypeError, sa.exc.IntegrityError):
                record = RunRecord.from_row(json.loads(path.read_text()))
                with engine.connect() as connection:
                    connection.execute(sa.insert(RUNS).values(**record.to_row()))

    def _write_record(self, key: str) -> None:
        if (record := self.find(key)) is not None:
            with sentences(self.directory):
                write_record(self.folder(key).path, record.to_row())

    def _settled(self, record: RunRecord) -> RunRecord:
        """The record; where its owner has gone, after finding out what became of the run."""
        if not record.state.live or record.owner == self._owner_name or lives(self.directory, record.owner):
            return record
        values = left_behind(self.folder(record.id))
        self._update(sa.and_(RUNS.c.id == record.id, RUNS.c.owner == record.owner), values)
        rows = self._select(RUNS.c.id == record.id)
        return rows[0] if rows else record

    @property
    def _owner_name(self) -> str:
        return self._owner.name if "_owner" in self.__dict__ else ""

    def _select(self, where: sa.ColumnElement[bool]) -> list[RunRecord]:
        with explained(self.url), self._engine.connect() as connection:
            rows = connection.execute(
                sa.select(RUNS).where(where).order_by(RUNS.c.started.desc(), RUNS.c.id)
            ).mappings()
            return [RunRecord.from_row(dict(row)) for row in rows]

    def _update(self, where: sa.ColumnElement[bool], values: dict[str, Any]) -> int:
        with explained(self.url), self._engine.connect() as connection:
            return connection.execute(sa.update(RUNS).where(where).values(**values)).rowcount


def _from_anywhere(config: dict[str, Any]) -> dict[str, Any]:
    """The settings with whole paths: a run may be gone on with from another directory."""
    paths = {name: config[name] for name in PATHS if isinstance(config.get(name), str)}
    return {**config, **{name: os.path.abspath(path) for name, path in paths.items() if os.path.exists(path)}}
