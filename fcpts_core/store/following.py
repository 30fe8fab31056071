"""A kept run in this process: its events, while its row and its folder follow them."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, suppress

from fcpts_core.engine.events import Event, Failed, Finished
from fcpts_core.engine.run import Run
from fcpts_core.errors import InputError, RunError
from fcpts_core.store.keeper import Continuation, Keeper
from fcpts_core.store.place import StoreError
from fcpts_core.store.progress import Progress
from fcpts_core.store.records import Kept, RunRecord
from fcpts_core.store.store import Store


class Interrupted(KeyboardInterrupt):
    """Somebody stopped a kept run; the message says how to go on with it."""


def kept(store: Store, record: RunRecord, run: Run, after: Continuation | None = None) -> Generator[Event, None, None]:
    """The events of `run`; however it ends, the store knows. Something that was asked wrongly leaves no run behind.

    StoreError after the last event where the run ended well and something of it could not be kept.
    """
    keeper, progress = Keeper(store.folder(record.id), after), Progress(store, record.id)
    try:
        with closing(keeper.follow(run)) as events:
            for event in events:
                progress.see(event)
                # Before it is told: whoever has heard the result may leave.
                trouble = _ended(store, record, keeper, event)
                yield event
                if trouble is not None:
                    raise trouble
    except StoreError:
        raise
    except InputError as error:
        _close(store, record, error, begun=after is not None)
        raise
    except RunError as error:
        _end(store, record, Kept.FAILED, str(error))
        raise
    except (KeyboardInterrupt, GeneratorExit) as stop:
        _end(store, record, Kept.STOPPED, "")
        if isinstance(stop, KeyboardInterrupt):
            raise Interrupted(f"Interrupted: `fcpts resume {record.id}` goes on with the run.") from None
        raise
    except BaseException as error:
        _end(store, record, Kept.FAILED, f"An unforeseen error, {type(error).__name__}: {error}.")
        raise


def _ended(store: Store, record: RunRecord, keeper: Keeper, event: Event) -> StoreError | None:
    """Tells the store of the run's end where `event` is that; what could not be kept of a run that ended well."""
    try:
        if isinstance(event, Finished) and keeper.trouble:
            store.end(record.id, Kept.FAILED, reason=keeper.trouble)
            return StoreError(keeper.trouble)
        if isinstance(event, Finished):
            store.end(record.id, Kept.DONE, event.result)
        elif isinstance(event, Failed):
            store.end(record.id, Kept.FAILED, reason=event.reason)
    except StoreError as error:
        return error
    return None


def _end(store: Store, record: RunRecord, state: Kept, reason: str) -> None:
    with suppress(StoreError):
        if (now := store.find(record.id)) is not None and now.state.live:
            store.end(record.id, state, reason=reason)


def _close(store: Store, record: RunRecord, error: InputError, begun: bool) -> None:
    _end(store, record, Kept.FAILED, str(error))
    if not begun:
        with suppress(StoreError):
            store.remove(record.id)
