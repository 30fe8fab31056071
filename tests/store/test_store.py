"""The index of runs and their folders: who owns what, what is found after a crash, and what is said when it breaks."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import dump_lines
from fcpts_core.errors import InputError
from fcpts_core.store.database import HEAD, METADATA, RUNS, alembic_config, open_database
from fcpts_core.store.folder import EVENTS, MODEL, PACKED
from fcpts_core.store.place import StoreError
from fcpts_core.store.records import Kept, RunRecord
from fcpts_core.store.store import BIN_SECONDS, Store
from tests.engine.stories import finished, started, stepped

CONFIG = RunConfig(overrides={"steps": 3})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "store")
    yield made
    made.close()


def done(store: Store, key: str) -> RunRecord:
    store.begin(CONFIG, threads=1, key=key)
    return store.end(key, Kept.DONE, finished(3).result)


def another(store: Store) -> Store:
    """The same store as another process sees it."""
    return Store(store.directory)


def test_a_run_is_found_from_its_first_moment_to_its_end(store: Store) -> None:
    begun = store.begin(CONFIG, threads=2, key="one")
    assert store.runs() == (begun,)
    assert begun.run_config == CONFIG
    store.advance("one", 2, 3, 0.5, 1.5)
    assert (store.get("one").step, store.get("one").sparsity) == (2, 0.5)
    result = finished(3).result
    ended = store.end("one", Kept.DONE, result)
    assert (ended.state, ended.accuracy, ended.sparsity) == (Kept.DONE, result.accuracy, result.sparsity)
    assert another(store).runs() == (ended,)


def test_ids_are_taken_once_and_cannot_leave_the_folder(store: Store) -> None:
    store.begin(CONFIG, threads=1, key="one")
    with pytest.raises(InputError, match=r"There is a run one already: choose another id"):
        store.begin(CONFIG, threads=1, key="one")
    for bad in ("", "../up", "a/b", ".hidden", "a" * 101, "end.", "-x", "é"):
        with pytest.raises(InputError, match="cannot be the id of a run"):
            store.begin(CONFIG, threads=1, key=bad)
    with pytest.raises(InputError, match=r"There is no run ones .* Did you mean one\?"):
        store.get("ones")


def test_a_run_whose_process_has_gone_is_interrupted_and_may_be_claimed_once(store: Store) -> None:
    store.begin(CONFIG, threads=1, key="one")
    (store.folder("one").path / EVENTS).write_text("".join(dump_lines([started(3), stepped(1), stepped(2)])))
    others = another(store), another(store)
    assert others[0].get("one").state is Kept.RUNNING
    store.close()
    found = others[0].get("one")
    assert (found.state, found.step) == (Kept.INTERRUPTED, 2)
    assert others[0].claim("one").state is Kept.RUNNING
    with pytest.raises(InputError, match="running in another process"):
        others[1].claim("one")
    for other in others:
        other.close()


def test_what_the_folder_says_counts_where_the_process_had_no_time_to_say_it(store: Store) -> None:
    for key, ending in (("well", finished(3)), ("cut", finished(3))):
        store.begin(CONFIG, threads=1, key=key)
        lines = "".join(dump_lines([started(3), stepped(1), ending]))
        (store.folder(key).path / EVENTS).write_text(lines if key == "well" else lines[:-20])
        (store.folder(key).path / MODEL).write_bytes(b"tensors")
    store.close()
    seen = another(store)
    assert seen.get("well").state is Kept.DONE
    assert seen.get("well").accuracy == finished(3).result.accuracy
    assert seen.get("cut").state is Kept.INTERRUPTED
    seen.close()


def test_a_killed_process_leaves_its_run_interrupted(tmp_path: Path) -> None:
    program = (
        "import sys, time; from fcpts_core.store.store import Store; from fcpts_core.engine.config import RunConfig\n"
        "Store(sys.argv[1]).begin(RunConfig(), threads=1, key='one'); print('begun', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"begun\n"
    store = Store(tmp_path)
    assert store.get("one").state is Kept.RUNNING
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert store.get("one").state is Kept.INTERRUPTED
    store.close()


def test_deleted_runs_come_back_until_the_bin_is_emptied(store: Store) -> None:
    done(store, "one")
    store.begin(CONFIG, threads=1, key="busy")
    store.discard(["one", "busy"])
    assert [record.id for record in store.runs()] == ["busy"]
    store.restore(["one"])
    assert {record.id for record in store.runs()} == {"one", "busy"}
    with pytest.raises(InputError, match="stop it, then delete it"):
        store.remove("busy")
    store.discard(["one"])
    store.tidy()
    assert store.find("one") is not None
    store._update(RUNS.c.id == "one", {"deleted": time.time() - BIN_SECONDS - 1})
    store.tidy()
    assert store.find("one") is None
    assert not store.folder("one").path.exists()


def test_only_so_many_runs_stay_and_those_with_words_always(store: Store) -> None:
    for key in ("a", "b", "c", "d"):
        done(store, key)
    store.describe("a", title="the first", tags=("thesis", "good"), note="keep this")
    store.keep_runs = 2
    assert sorted(record.id for record in store.runs()) == ["a", "c", "d"]
    found = another(store).get("a")
    assert (found.name, found.tags, found.note) == ("the first", ("thesis", "good"), "keep this")
    assert another(store).keep_runs == 2


def test_uploaded_files_stay_while_a_run_uses_them(store: Store) -> None:
    paths = [store.directory / "uploads" / name / "images.npz" for name in ("used", "unused", "new")]
    for path in paths:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"images")
    for path in paths[:2]:
        os.utime(path.parent, (1.0, 1.0))
    record = store.begin(replace(CONFIG, images=os.path.relpath(paths[0])), threads=1, key="one")
    assert record.config["images"] == str(paths[0])
    store.tidy()
    assert [path.exists() for path in paths] == [True, False, True]


def test_the_schema_made_at_once_is_that_of_the_migrations(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'migrated.sqlite3'}"
    command.upgrade(alembic_config(url), "head")
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, METADATA) == []
        assert context.get_current_revision() == HEAD
    engine.dispose()


def test_an_older_schema_is_migrated_and_a_newer_one_refused(tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite3"
    url = f"sqlite:///{path}"
    command.upgrade(alembic_config(url), "head")
    command.downgrade(alembic_config(url), "base")
    engine, fresh = open_database(url, tmp_path)
    assert not fresh
    assert sa.inspect(engine).has_table("runs")
    engine.dispose()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreError, match="written by a newer one"):
        open_database(url, tmp_path)


def test_a_damaged_index_is_built_anew_from_the_folders(store: Store) -> None:
    first = done(store, "one")
    done(store, "two")
    store.describe("two", note="mine")
    store.close()
    path = store.directory / "runs.sqlite3"
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.write_bytes(b"this is no database, and long enough to be looked at" * 50)
    seen = another(store)
    with pytest.raises(StoreError, match=r"is damaged .* `fcpts runs --repair`"):
        seen.runs()
    assert seen.repair() == 2
    assert seen.get("one") == replace(first)
    assert seen.get("two").note == "mine"
    seen.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="cannot write to"):
        Store(tmp_path / "store")


def test_a_store_below_a_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot write to .*file"):
        Store(tmp_path / "file" / "store")


def test_events_are_packed_at_the_end_and_read_all_the_same(store: Store) -> None:
    store.begin(CONFIG, threads=1, key="one")
    told = (started(3), stepped(1), finished(3))
    (store.folder("one").path / EVENTS).write_text("".join(dump_lines(told)))
    before = store.folder("one").text()
    store.end("one", Kept.DONE, finished(3).result)
    assert (store.folder("one").path / PACKED).exists()
    assert store.folder("one").events() == told
    assert store.folder("one").text() == before
    assert store.used_bytes() > 0
    assert json.loads(before.splitlines()[0])["event"] == "started"


WRITER = """
import sys
from fcpts_core.engine.config import RunConfig
from fcpts_core.store.records import Kept
from fcpts_core.store.store import Store
store = Store(sys.argv[1])
for number in range(100):
    key = f"{sys.argv[2]}-{number}"
    store.begin(RunConfig(seed=number), threads=1, key=key)
    store.advance(key, 1, 2, 0.5, 0.1)
    store.end(key, Kept.STOPPED)
"""


def test_two_processes_that_keep_200_runs_at_once_lose_none(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), name]) for name in ("one", "two")]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    store = Store(tmp_path)
    found = store.runs()
    assert {record.id for record in found} == {f"{name}-{number}" for name in ("one", "two") for number in range(100)}
    assert {record.state for record in found} == {Kept.STOPPED}
    store.close()
