"""Work that tells from deep within a call: the two sides alternate, and however it ends, all is tidied up."""

from __future__ import annotations

import threading
from collections.abc import Generator

import pytest
import torch

from fcpts_core.within import Tell, told_within


def followed(telling: Generator[int, None, str]) -> tuple[list[int], str]:
    items = []
    while True:
        try:
            items.append(next(telling))
        except StopIteration as end:
            return items, end.value


def test_what_is_told_comes_in_order_and_the_result_at_the_end() -> None:
    def work(tell: Tell[int]) -> str:
        for item in range(5):
            tell(item)
        return "done"

    assert followed(told_within(work)) == ([0, 1, 2, 3, 4], "done")


def test_nothing_is_done_before_the_first_or_beyond_the_newest_item_asked_for() -> None:
    done: list[int] = []

    def work(tell: Tell[int]) -> None:
        for item in range(3):
            done.append(item)
            tell(item)

    telling = told_within(work)
    assert done == []
    for item in range(3):
        assert next(telling) == item
        assert done == list(range(item + 1))
    telling.close()


def test_an_error_comes_out_where_it_is_followed() -> None:
    def work(tell: Tell[int]) -> None:
        tell(1)
        raise ValueError("no solution")

    telling = told_within(work)
    assert next(telling) == 1
    with pytest.raises(ValueError, match="no solution"):
        next(telling)


@pytest.mark.parametrize("told", [0, 1, 2])
def test_closing_ends_the_work_where_it_stands_and_waits_for_it(told: int) -> None:
    done: list[str] = []

    def work(tell: Tell[int]) -> None:
        try:
            for item in range(5):
                try:
                    tell(item)
                except Exception:
                    done.append("caught")
            done.append("finished")
        finally:
            done.append("tidied up")

    before = threading.active_count()
    telling = told_within(work)
    for _ in range(told):
        next(telling)
    telling.close()
    assert done == (["tidied up"] if told else [])
    assert threading.active_count() == before


def test_torch_has_as_many_threads_within_as_without() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        assert followed(told_within(lambda tell: str(torch.get_num_threads()))) == ([], "3")
    finally:
        torch.set_num_threads(before)
