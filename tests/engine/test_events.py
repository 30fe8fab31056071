"""Every event survives the way through JSON, and damaged lines are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fcpts_core.engine.events import (
    EVENTS,
    Allocated,
    Event,
    Failed,
    Phase,
    Sensed,
    dump_lines,
    from_json,
    load_lines,
    to_json,
)
from tests.engine.stories import finished, started, stepped, story, surveyed

ONE_OF_EACH = [
    Phase("reading"),
    started(3),
    Allocated((0.5, 0.25)),
    Sensed(("conv", "head"), (6, 4), ((0, 3, 6), (1, 4)), ((0.0, 0.5, 2.0), (0.0, 0.25)), "logits"),
    stepped(1),
    surveyed(1),
    finished(3),
    Failed("It broke."),
]


def test_one_of_each_is_one_of_each() -> None:
    assert {type(event) for event in ONE_OF_EACH} == set(EVENTS.values())


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: type(event).__name__)
def test_json_round_trip(event: Event) -> None:
    assert from_json(json.loads(json.dumps(to_json(event)))) == event


def test_lines_round_trip_and_empty_lines_are_skipped() -> None:
    events = list(story(7))
    lines = list(dump_lines(events))
    assert all(line.endswith("\n") and line.count("\n") == 1 for line in lines)
    assert list(load_lines(["\n", *lines, "  \n"])) == events


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: type(event).__name__)
def test_events_are_frozen_and_a_missing_field_is_named(event: Event) -> None:
    data = to_json(event)
    name = next(key for key in data if key != "event")
    with pytest.raises(AttributeError):
        setattr(event, name, None)
    with pytest.raises(ValueError, match=name):
        from_json({key: value for key, value in data.items() if key != name})


def test_a_result_that_lacks_its_layers_is_refused() -> None:
    data = to_json(finished(3))
    del data["result"]["layers"]
    with pytest.raises(ValueError, match="A result record lacks layers"):
        from_json(data)


@pytest.mark.parametrize("data", [{}, {"event": "exploded"}, {"event": None}])
def test_unknown_kinds_are_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Unknown event"):
        from_json(data)
