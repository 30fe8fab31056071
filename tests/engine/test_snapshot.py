"""Folding events: thinning keeps what it promises, and the same events give the same picture."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcpts_core.engine.events import Allocated, Failed, Phase
from fcpts_core.engine.snapshot import HISTORY_POINTS, SURVEY_FRAMES, Snapshot, State, Story, Thinned, tell
from tests.engine.stories import finished, started, stepped, story, surveyed


def thinned(count: int, limit: int) -> tuple[int, ...]:
    keeper: Thinned[int] = Thinned(limit)
    for item in range(count):
        keeper.add(item)
    return keeper.items()


@given(count=st.integers(0, 3000), limit=st.integers(2, 70))
def test_thinned_keeps_an_evenly_spaced_part_first_and_newest_included(count: int, limit: int) -> None:
    items = thinned(count, limit)
    assert len(items) <= limit
    assert items[:1] == tuple(range(count))[:1]
    assert items[-1:] == tuple(range(count))[-1:]
    gaps = [right - left for left, right in pairwise(items)]
    assert len(set(gaps[:-1])) <= 1
    assert all(0 < gap <= gaps[0] for gap in gaps)


@given(count=st.integers(0, 200), limit=st.integers(2, 300))
def test_thinned_keeps_all_while_there_is_room(count: int, limit: int) -> None:
    if count < limit:
        assert thinned(count, limit) == tuple(range(count))


@given(count=st.integers(6, 3000), limit=st.integers(6, 70))
def test_thinned_never_keeps_less_than_a_third_of_its_limit(count: int, limit: int) -> None:
    assert len(thinned(count, limit)) >= min(count, limit // 3)


def test_thinned_needs_room_for_the_first_and_the_newest() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        Thinned(1)


def test_two_equal_items_are_two_items() -> None:
    keeper: Thinned[tuple[int, ...]] = Thinned(4)
    keeper.add((1, 2))
    keeper.add(tuple([1, 2]))
    assert keeper.items() == ((1, 2), (1, 2))


def test_a_long_run_stays_within_its_limits() -> None:
    snapshot = tell(story(2345, survey_every=10))
    assert len(snapshot.history) <= HISTORY_POINTS
    assert len(snapshot.surveys) <= SURVEY_FRAMES
    assert snapshot.history[0].step == 1
    assert snapshot.step == 2345
    assert snapshot.surveys[-1].step == 2340


def test_the_story_of_a_run() -> None:
    teller = Story()
    assert teller.snapshot() == Snapshot(state=State.RUNNING)
    teller.add(Phase("reading"))
    teller.add(started(2))
    assert (teller.snapshot().phase, teller.snapshot().started) == ("reading", started(2))
    assert (teller.snapshot().last, teller.snapshot().step) == (None, 0)
    teller.add(Phase("solving layer 2 of 4", 0.25))
    assert teller.snapshot().phase_share == 0.25
    for shares in ((0.5, 0.0), (0.5, 0.7)):
        teller.add(Allocated(shares))
        assert teller.snapshot().allocated == Allocated(shares)
    teller.add(stepped(1))
    before = teller.snapshot()
    assert before.allocated is None
    teller.add(stepped(2))
    assert [point.step for point in before.history] == [1]
    assert teller.snapshot().last == stepped(2)
    teller.add(finished(2))
    assert teller.snapshot().state is State.DONE
    assert teller.snapshot().result == finished(2).result


def test_failure_keeps_what_was_learned() -> None:
    snapshot = tell([started(3), stepped(1), Failed("The loss is not finite.")])
    assert snapshot.state is State.FAILED
    assert snapshot.reason == "The loss is not finite."
    assert snapshot.step == 1


@pytest.mark.parametrize("state", State)
def test_four_states_are_final(state: State) -> None:
    assert state.final == (state in ("done", "cancelled", "failed", "interrupted"))


def test_looking_back_gives_the_newest_that_is_not_newer() -> None:
    snapshot = tell([surveyed(2), stepped(3), surveyed(4), stepped(6)])
    for step, survey, point in ((0, 2, 3), (2, 2, 3), (3, 2, 3), (4, 4, 3), (5, 4, 3), (6, 4, 6), (99, 4, 6)):
        assert snapshot.survey_at(step) == surveyed(survey)
        assert snapshot.stepped_at(step) == stepped(point)
    assert Snapshot().survey_at(3) is None
    assert Snapshot().stepped_at(3) is None
