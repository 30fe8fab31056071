"""Runs of a server outlive it: the same picture, the same files, and from where it was cut off to the same bits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Finished
from fcpts_core.engine.snapshot import State, tell
from fcpts_core.engine.workers import RunRegistry
from fcpts_core.errors import InputError
from fcpts_core.store import keeper
from fcpts_core.store.background import Background
from fcpts_core.store.place import StoreError
from fcpts_core.store.records import Kept, Origin
from fcpts_core.store.store import Store
from tests.engine.stories import PATIENCE, Stage, until
from tests.engine.test_remote import timeless
from tests.pages.pretended import Pretended

SHORT = RunConfig(calibration_size=32, overrides={"steps": 8, "batch_size": 16})


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[list[Store]]:
    made: list[Store] = []
    yield made
    for store in made:
        store.close()


def server(stores: list[Store], folder: Path, **engine: object) -> RunRegistry:
    """A server with the store in `folder`, as after a restart where it is not the first one."""
    stores.append(Store(folder))
    store = stores[-1]
    return RunRegistry(keeping=Background(lambda: store), **engine)  # type: ignore[arg-type]


def shut_down(registry: RunRegistry, store: Store) -> None:
    registry.close()
    store.close()


def test_a_finished_run_looks_the_same_after_a_restart(stores: list[Store], tmp_path: Path) -> None:
    first = server(stores, tmp_path, make_run=Pretended)
    key = first.submit(RunConfig(overrides={"steps": 8}), origin="comparison", label="fcpts")
    live = first.wait(key, timeout=PATIENCE)
    files = first.artifacts(key)
    assert live is not None
    assert live.state is State.DONE
    while stores[0].get(key).state is not Kept.DONE:
        pass
    record = stores[0].get(key)
    assert (record.origin, record.label, record.accuracy) == (Origin.COMPARISON, "fcpts", live.snapshot.result.accuracy)  # type: ignore[union-attr]
    shut_down(first, stores[0])
    second = server(stores, tmp_path)
    kept = second.view(key)
    assert kept is not None
    assert kept.snapshot == live.snapshot
    assert kept.config == live.config
    assert second.artifacts(key) == files
    shut_down(second, stores[1])


def test_a_run_cut_off_by_the_end_of_its_server_goes_on_to_the_same_bits(
    stores: list[Store], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(keeper.VARIABLE, "0")
    first = server(stores, tmp_path)
    whole = first.submit(SHORT)
    first.wait(whole, timeout=4 * PATIENCE)
    torn = first.submit(SHORT)
    until(first, torn, State.RUNNING)
    while (view := first.view(torn)) is not None and view.snapshot.step < 2:
        pass
    first.pause(torn)
    until(first, torn, State.PAUSED)
    shut_down(first, stores[0])
    second = server(stores, tmp_path)
    found = second.view(torn)
    assert found is not None
    assert (found.state, found.kept) == (State.INTERRUPTED, True)
    assert 2 <= found.snapshot.step < 8
    second.go_on_with(torn)
    ended = second.wait(torn, timeout=4 * PATIENCE)
    assert ended is not None
    assert ended.state is State.DONE, ended.snapshot.reason
    for name in ("model.safetensors", "allocation.csv"):
        assert second.artifacts(torn)[name] == second.artifacts(whole)[name]
    stories = [[timeless(event) for event in stores[1].folder(key).events()] for key in (whole, torn)]
    assert replace(tell(stories[0]), phase="") == replace(tell(stories[1]), phase="")
    assert isinstance(stories[1][-1], Finished)
    with pytest.raises(InputError, match="is done already"):
        second.go_on_with(whole)
    shut_down(second, stores[1])


def test_a_stopped_run_is_kept_as_stopped_and_a_queued_one_too(stores: list[Store], tmp_path: Path) -> None:
    stage = Stage(5)
    registry = server(stores, tmp_path, make_run=stage)
    running, queued = registry.submit(SHORT), registry.submit(SHORT)
    until(registry, running, State.RUNNING)
    stage.await_step(0)
    assert [stores[0].get(key).state for key in (running, queued)] == [Kept.RUNNING, Kept.QUEUED]
    registry.cancel(queued)
    registry.cancel(running)
    stage.dismiss()
    registry.wait(running, timeout=PATIENCE)
    while stores[0].get(running).state.live:
        pass
    assert [stores[0].get(key).state for key in (running, queued)] == [Kept.STOPPED, Kept.STOPPED]
    registry.close()


def test_without_a_store_runs_go_on_all_the_same() -> None:
    def refuse() -> Store:
        raise StoreError("There is no room.")

    keeping = Background(refuse)
    registry = RunRegistry(make_run=Pretended, keeping=keeping)
    key = registry.submit(RunConfig(overrides={"steps": 2}))
    view = registry.wait(key, timeout=PATIENCE)
    assert view is not None
    assert (view.state, view.kept) == (State.DONE, False)
    assert keeping.trouble == "There is no room."
    assert registry.view("another") is None
    with pytest.raises(InputError, match="There is no room"):
        registry.go_on_with("another")
    registry.close()
