"""Work that tells how far it is: its result alone, and its shares thinned out."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from fcpts_core.silently import by_percent, returned


def work(steps: int) -> Generator[float, None, str]:
    for step in range(1, steps + 1):
        yield step / steps
    return "done"


@pytest.mark.parametrize("steps", [0, 1, 7, 1000])
def test_the_result_is_what_the_work_returns(steps: int) -> None:
    assert returned(work(steps)) == "done"
    assert returned(by_percent(work(steps))) == "done"


@pytest.mark.parametrize(("steps", "told"), [(0, 0), (1, 0), (4, 3), (1000, 99)])
def test_shares_are_told_by_percent_and_never_for_the_end(steps: int, told: int) -> None:
    shares = list(by_percent(work(steps)))
    assert len(shares) == told
    assert shares == sorted(set(shares))
    assert all(0 < share < 1 for share in shares)
