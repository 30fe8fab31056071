"""Work that tells what it does from deep within a call, such as one forward pass, as a generator like any other.

The work has a thread of its own, but the two never go on together: it stands still from one thing told until the next
is asked for. So whoever follows may stop, pause or look at everything in between, as if there were one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

Item = TypeVar("Item")
Found = TypeVar("Found")

Tell = Callable[[Item], None]
"""What the work calls to tell something; does not return where nobody follows any more."""


class _GivenUp(BaseException):
    """Ends the work from within `tell`; passes every `except Exception` on its way, and every `finally`."""


@dataclass(frozen=True)
class _Returned(Generic[Found]):
    value: Found


@dataclass(frozen=True)
class _Raised:
    error: BaseException


def told_within(work: Callable[[Tell[Item]], Found]) -> Generator[Item, None, Found]:
    """Yields what `work` tells and returns what it returns, or raises what it raises.

    Closing the generator ends the work where it stands and waits until it has tidied up behind itself. Settings that
    torch keeps for each thread, such as `no_grad`, are to be made by the work itself.
    """
    said: SimpleQueue[Item | _Returned[Found] | _Raised] = SimpleQueue()
    asked: SimpleQueue[bool] = SimpleQueue()

    def tell(item: Item) -> None:
        said.put(item)
        if not asked.get():
            raise _GivenUp

    def do() -> None:
        try:
            said.put(_Returned(work(tell)))
        except BaseException as error:
            said.put(_Raised(error))

    thread = Thread(target=do, name="work within", daemon=True)
    thread.start()
    try:
        while not isinstance(item := said.get(), _Returned | _Raised):
            yield item
            asked.put(True)
    finally:
        asked.put(False)
        thread.join()
    if isinstance(item, _Raised):
        raise item.error
    return item.value
