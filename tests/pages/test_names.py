"""Names of layers below an axis: shortened, thinned out, never on each other, and found again in the hover text."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from fcpts_core.engine.snapshot import tell
from pages._ui import charts
from pages._ui.charts.axes import CHARACTER, ROOMS
from pages._ui.charts.names import GAP, LONGEST, OVER, Stage, labels, short, stages_of, texts_of
from tests.pages.synthetic import events
from tests.pages.test_charts import moment

MOBILENET = (
    "features.0.0",
    *(f"features.{block}.conv.{part}" for block in range(1, 18) for part in ("0.0", "1.0", "2")),
    "classifier.1",
)
RESNET = (
    "conv1",
    *(
        f"layer{stage}.{block}.conv{part}"
        for stage, blocks in enumerate((3, 8, 36, 3), 1)
        for block in range(blocks)
        for part in (1, 2, 3)
    ),
    "fc",
)
VIT = ("conv_proj", *(f"encoder.layers.encoder_layer_{i}.mlp.{j}" for i in range(12) for j in range(6)), "heads.head")
FOLDED = ("Conv", "expanded_conv.project", *(f"expanded_conv_{i}.{part}" for i in range(1, 17) for part in "edp"))
FLAT = tuple(f"one_layer_after_the_other_number_{i}" for i in range(160))
NETWORKS = [MOBILENET, RESNET, VIT, FOLDED, FLAT, ("only",), ("a", "b")]


@pytest.mark.parametrize("names", NETWORKS, ids=lambda names: names[-1])
@pytest.mark.parametrize("pixels", ROOMS)
def test_labels_never_touch_and_never_leave_the_picture(names: tuple[str, ...], pixels: int) -> None:
    room = pixels / CHARACTER
    found = labels(names, room)
    assert found
    middles = [(place + 0.5) / len(names) * room for place, _ in found]
    ends = [(x - len(text) / 2, x + len(text) / 2) for x, (_, text) in zip(middles, found, strict=True)]
    assert all(right[0] - left[1] >= GAP - 0.2 for left, right in pairwise(ends))
    assert ends[0][0] >= -OVER[0] - 0.2
    assert ends[-1][1] <= room + OVER[1] + 0.2
    assert all(len(text) <= LONGEST for _, text in found)


@pytest.mark.parametrize("names", NETWORKS[:5], ids=lambda names: names[-1])
def test_more_room_is_used(names: tuple[str, ...]) -> None:
    assert len(labels(names, 46)) >= 3
    assert len(labels(names, 110)) >= 4


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["conv1", "a.0", "a.1", "b.0", "b.1", "b.2", "fc"], ["conv1 0 0", "a 1 2", "b 3 5", "fc 6 6"]),
        (["net.a.0", "net.a.1", "net.b.0", "net.b.1"], ["a.0 0 0", "a.1 1 1", "b.0 2 2", "b.1 3 3"]),
        (["only"], ["only 0 0"]),
        ([], []),
    ],
)
def test_neighbours_whose_names_begin_alike_are_a_stage(names: list[str], expected: list[str]) -> None:
    assert [f"{stage.name} {stage.first} {stage.last}" for stage in stages_of(names)] == expected


def test_every_layer_is_in_one_stage() -> None:
    for names in NETWORKS:
        stages: list[Stage] = stages_of(names)
        assert [place for stage in stages for place in range(stage.first, stage.last + 1)] == list(range(len(names)))


def test_what_all_names_share_is_left_out() -> None:
    inside = tuple(f"backbone.body.{name}" for name in RESNET)
    assert labels(inside, 80) == labels(RESNET, 80)


def test_a_label_says_only_what_is_new_in_it() -> None:
    assert texts_of(["features.1", "features.4", "classifier.1"]) == ["features.1", "…4", "classifier.1"]
    assert texts_of(["expanded_conv", "expanded_conv_2", "conv"]) == ["expanded_conv", "…2", "conv"]
    assert texts_of(["layer1", "layer2"]) == ["layer1", "layer2"]


def test_long_names_lose_their_middle() -> None:
    assert short("layer1") == "layer1"
    assert short("transformer.layers.11") == "transformer…11"
    assert short("encoder.layers.encoder_layer_0") == "encoder…_layer_0"


def test_the_axis_has_labels_for_every_width_and_hover_has_whole_names() -> None:
    panel = charts.allocation(moment(tell(events(160, steps=2))), 0, "r")
    axis = panel.figure["layout"]["xaxis"]
    assert [choice["room"] for choice in axis["fitted"]] == list(ROOMS)
    assert len(axis["fitted"][0]["ticktext"]) <= len(axis["fitted"][-1]["ticktext"])
    assert "layer1.0.conv" in json.dumps(panel.figure["data"])
