"""Charts as data: what is drawn is what the moment says, under any number of layers."""

from __future__ import annotations

import base64
import json
import math
from array import array
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fcpts_core.engine.events import Allocated, Curve
from fcpts_core.engine.snapshot import Snapshot, tell
from pages._ui import charts, theme
from pages._ui.charts import curves
from pages._ui.charts.layer import sentence
from pages._ui.charts.panel import Panel
from tests.pages.synthetic import curve, events, scale


@pytest.fixture(scope="module", params=[2, 22, 160])
def snapshot(request: pytest.FixtureRequest) -> Snapshot:
    return tell(events(request.param, steps=30))


def moment(snapshot: Snapshot, step: int | None = None) -> charts.Moment:
    found = charts.moment_at(snapshot, step)
    assert found is not None
    return found


def panels(snapshot: Snapshot, step: int | None = None) -> list[Panel]:
    at = moment(snapshot, step)
    first = snapshot.surveys[0].curves
    return [
        charts.allocation(at, 0, "r"),
        charts.layer(at, first, 0, "r"),
        charts.learning(snapshot, at.step, "r"),
        charts.layers(at, 0, "r"),
    ]


def values(trace: dict[str, Any], axis: str) -> list[float]:
    packed = trace[axis]
    return array("f", base64.b64decode(packed["bdata"])).tolist() if isinstance(packed, dict) else list(packed)


def colours(value: Any) -> set[str]:
    if isinstance(value, str):
        return {value} if value.startswith(("@", "#", "rgb")) else set()
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return set().union(*(colours(part) for part in parts)) if parts else set()


def test_a_finished_run_ends_with_its_result(snapshot: Snapshot) -> None:
    end, before = moment(snapshot), moment(snapshot, 10)
    assert snapshot.result is not None
    assert end.final
    assert end.sparsities == tuple(row.sparsity for row in snapshot.result.layers)
    assert (before.final, before.step) == (False, 10)
    assert moment(snapshot, 10_000).final


def test_global_sparsity_is_the_weighted_mean(snapshot: Snapshot) -> None:
    at = moment(snapshot, 5)
    weights = [layer.weights for layer in at.layers]
    assert at.sparsity == pytest.approx(np.average(at.sparsities, weights=weights))


def test_columns_are_the_sparsities_and_kept_fills_them_up(snapshot: Snapshot) -> None:
    at = moment(snapshot)
    pruned, kept, *ghosts = charts.allocation(at, 0, "r").figure["data"]
    assert values(pruned, "y") == pytest.approx(at.sparsities)
    assert np.add(values(pruned, "y"), values(kept, "y")) == pytest.approx(1.0)
    assert [ghost["name"] for ghost in ghosts] == [theme.style_of(name).label for name in at.started.references]
    assert len(set(json.dumps(ghost.get("line", ghost.get("marker"))) for ghost in ghosts)) == len(ghosts)
    for ghost, sizes in zip(ghosts, at.started.references.values(), strict=True):
        assert set(values(ghost, "y")) == set(np.asarray(sizes, dtype=np.float32).tolist())


def test_every_panel_is_small_sound_json_with_words_for_those_who_do_not_see_it(snapshot: Snapshot) -> None:
    for panel in panels(snapshot) + panels(snapshot, 3):
        text = json.dumps(panel.figure, allow_nan=False)
        assert len(text) < 60_000
        assert panel.summary.endswith(".")
        assert panel.title


def test_colours_are_named_by_a_role_that_both_themes_know(snapshot: Snapshot) -> None:
    roles = {role.lstrip("@").split("/")[0] for panel in panels(snapshot) for role in colours(panel.figure)}
    entries = {entry.colour.lstrip("@").split("/")[0] for panel in panels(snapshot) for entry in panel.legend}
    assert roles | entries <= theme.PALETTE["light"].keys() == theme.PALETTE["dark"].keys()
    assert not any(role.startswith(("#", "rgb")) for panel in panels(snapshot) for role in colours(panel.figure))


def test_a_run_without_steps_still_draws() -> None:
    begun = tell(list(events(4, steps=3))[:2])
    empty = moment(begun)
    assert (empty.sparsities, empty.curves) == ((), ())
    for panel in (charts.allocation(empty, 1, "r"), charts.layer(empty, (), 1, "r"), charts.layers(empty, 1, "r")):
        json.dumps(panel.figure, allow_nan=False)
    assert "first step" in json.dumps(charts.learning(begun, 0, "r").figure)


def test_what_is_known_of_the_allocation_is_drawn_before_the_first_step() -> None:
    told = list(events(4, steps=3))
    solving = tell([*told[:3], Allocated((0.9, 0.8, 0.0, 0.0))])
    at = moment(solving)
    assert (at.step, at.sparsities, at.thresholds, at.final) == (0, (0.9, 0.8, 0.0, 0.0), (), False)
    assert values(charts.allocation(at, 0, "r").figure["data"][0], "y") == pytest.approx([0.9, 0.8, 0.0, 0.0])
    for panel in panels(solving):
        json.dumps(panel.figure, allow_nan=False)
    assert moment(tell([Allocated((0.1,) * 4), *told])).sparsities == moment(tell(told)).sparsities
    again = tell([*told[:8], Allocated((0.1,) * 4)])
    assert again.step > 1
    assert moment(again).sparsities == (0.1,) * 4
    assert moment(again, 1).sparsities == moment(tell(told), 1).sparsities


def test_nothing_is_known_before_the_start() -> None:
    assert charts.moment_at(Snapshot()) is None


def test_losses_that_are_zero_or_endless_do_not_break_the_log_axis() -> None:
    snapshot = tell(events(3, steps=8))
    odd = [
        replace(point, control=0.0, reconstruction=math.inf if point.step == 3 else 1.0) for point in snapshot.history
    ]
    figure = charts.learning(replace(snapshot, history=tuple(odd)), 8, "r").figure
    low, high = figure["layout"]["yaxis"]["range"]
    assert math.isfinite(low)
    assert low < high <= 1.0
    json.dumps(figure, allow_nan=False)


def test_the_loss_axis_stands_still_while_losses_stay_within_half_a_decade() -> None:
    ranges = [charts.learning(tell(list(events(3, steps=60))[: 5 + n]), n, "r").figure for n in range(20, 40)]
    assert len({tuple(figure["layout"]["yaxis"]["range"]) for figure in ranges}) <= 2


def test_cells_of_the_heat_map_are_pruned_within_the_threshold_and_kept_beyond() -> None:
    snapshot = tell(events(6, steps=5))
    at = moment(snapshot)
    z = charts.layers(at, 0, "r").figure["data"][0]["z"]
    rows, columns = (int(size) for size in z["shape"].split(", "))
    cells = np.frombuffer(base64.b64decode(z["bdata"]), dtype=np.int8).reshape(rows, columns)
    weights = np.linspace(-4, 4, rows)
    for column, first in enumerate(snapshot.surveys[0].curves):
        limit = at.thresholds[column] / curves.spread(first)
        assert (cells[np.abs(weights) < limit, column] <= 0).all()
        assert (cells[np.abs(weights) > limit, column] >= 0).all()
        assert cells[rows // 2, column] == -100


def test_the_share_within_a_threshold_is_the_laplace_law() -> None:
    wide = curve(3)
    t = np.array([0.0, 0.5, 1.0, 3.0]) * scale(3)
    assert curves.share_within(wide, t) == pytest.approx(1 - np.exp(-t / scale(3)), abs=5e-3)


def test_the_slope_is_the_derivative_of_the_share() -> None:
    wide, t, step = curve(3), 1.3 * scale(3), 1e-4 * scale(3)
    rise = (curves.share_within(wide, t + step) - curves.share_within(wide, t - step)) / (2 * step)
    assert curves.slope(wide, t) == pytest.approx(float(rise), rel=0.02)


def test_weights_that_are_zero_already_count_from_the_first_threshold_on() -> None:
    flat = Curve(-1.0, 1.0, (0.25,) * 11, atom=0.5, bandwidth=0.1)
    assert curves.share_within(flat, [0.0, 0.5, 1.0, 2.0]).tolist() == pytest.approx([0.0, 0.75, 1.0, 1.0])
    assert curves.reach(flat) == pytest.approx(1.0, abs=0.01)


def test_a_layer_of_zeros_has_some_spread_all_the_same() -> None:
    assert curves.spread(Curve(-0.1, 0.1, (0.0,) * 9, atom=1.0, bandwidth=0.1)) > 0


def test_axes_snap_to_a_ladder() -> None:
    assert curves.snapped(1.0) == pytest.approx(1.0)
    assert curves.snapped(1.01) == curves.snapped(1.29)
    assert curves.snapped(0.0) == 1.0


def test_the_sentence_says_what_the_threshold_does() -> None:
    snapshot = tell(events(6, steps=5))
    at = moment(snapshot)
    t, r = at.thresholds[2], at.sparsities[2]
    more = 100 * 0.01 * t / scale(2) * math.exp(-t / scale(2))
    words = sentence(at, 2)
    assert f"prunes {100 * r:.1f}" in words
    assert f"{more:.2f} points more" in words


def test_layer_names_cannot_smuggle_markup_into_a_chart() -> None:
    snapshot = tell(events(3, steps=2))
    assert snapshot.started is not None
    bad = replace(snapshot.started.layers[0], name='<a href="javascript:alert(1)">x</a>')
    started = replace(snapshot.started, layers=(bad, *snapshot.started.layers[1:]))
    text = json.dumps(charts.allocation(moment(replace(snapshot, started=started)), 0, "r").figure)
    assert "<a " not in text


def test_a_threshold_where_no_weight_stands_has_a_level_tangent() -> None:
    """The density is zero there, so the tangent of the bridge has slope 0 and a quarter of the axis on either side."""
    snapshot = tell(events(3, steps=8))
    assert snapshot.last is not None
    survey = snapshot.surveys[-1]
    gap = replace(survey.curves[0], pdf=(0.0,) * len(survey.curves[0].pdf), atom=1.0)
    hollow = replace(snapshot, surveys=(replace(survey, curves=(gap, *survey.curves[1:])),))
    panel = charts.layer(moment(hollow), survey.curves, 0, "r")
    tangent = next(trace for trace in panel.figure["data"] if trace.get("hoverinfo") == "skip" and len(trace["x"]) == 2)
    assert tangent["y"][0] == tangent["y"][1]
    json.dumps(panel.figure, allow_nan=False)


WIDE, DIGIT, LINE = 270.0, 6.3, 15.0  # plot and letters of a phone, in pixels
HIGH = 130.0


def boxes(figure: dict[str, Any], reach: float) -> list[tuple[float, float, float, float]]:
    """Left, right, top and bottom in pixels of what is written above the density, at the most that letters take."""
    found = []
    for label in figure["layout"]["annotations"]:
        if label["yref"] != "y domain":
            continue
        lines = label["text"].split("<br>")
        width, at = DIGIT * max(map(len, lines)), WIDE * (1 + label["x"] / reach) / 2
        left = at - width * {"left": 0.0, "center": 0.5, "right": 1.0}[label["xanchor"]]
        top = HIGH * (1 - label["y"])
        found.append((left, left + width, top, top + LINE * len(lines)))
    return found


@pytest.mark.parametrize("share", [0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.45, 0.5, 0.6, 0.7])
def test_words_about_zeros_and_thresholds_never_lie_over_each_other(share: float) -> None:
    """On a phone, wherever the threshold stands in a layer that has exact zeros."""
    snapshot = tell(events(3, steps=8))
    survey = snapshot.surveys[-1]
    some = replace(survey.curves[0], atom=0.042)
    at = moment(replace(snapshot, surveys=(replace(survey, curves=(some, *survey.curves[1:])),)))
    reach = charts.layer(at, survey.curves, 0, "r").figure["layout"]["xaxis"]["range"][1]
    at = replace(at, thresholds=(share * reach, *at.thresholds[1:]))
    written = boxes(charts.layer(at, survey.curves, 0, "r").figure, reach)
    assert len(written) == 3
    for index, (left, right, top, bottom) in enumerate(written):
        for other in written[index + 1 :]:
            apart = right <= other[0] or other[1] <= left or bottom <= other[2] or other[3] <= top
            assert apart, f"{(left, right, top, bottom)} over {other}"
