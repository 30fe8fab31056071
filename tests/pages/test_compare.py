"""The page of comparisons without a browser: choices, address, a comparison from the button to its table, charts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from fcpts_core.assets import asset
from fcpts_core.compare.comparison import MAX_CELLS, Comparisons
from fcpts_core.compare.progress import CellView, ComparisonView
from fcpts_core.compare.recording import load
from fcpts_core.engine.snapshot import State
from fcpts_core.engine.workers import RunRegistry
from fcpts_core.methods import METHODS
from pages._ui import theme
from pages._ui.compare import charts, comparisons
from pages._ui.compare.charts import groups
from pages._ui.compare.pace import seconds_for
from pages._ui.compare.picture import Kind, Picture, choose
from pages._ui.compare.settings import (
    DEFAULTS,
    asked_for,
    cells_of,
    command_of,
    from_address,
    nearest,
    to_address,
    usable,
)
from pages._ui.compare.standings import table_of
from pages._ui.compare.words import status_of
from pages._ui.settings import Files
from tests.pages.opening import PATIENCE, address, labels, opened, page

PAGE = Path(__file__).parents[2] / "pages" / "compare.py"
RECORDED = load(asset("recordings", "digits-resnet20-comparison.json.gz"))


@pytest.fixture
def made(registry: RunRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Comparisons:
    ours = Comparisons(registry, tmp_path)
    monkeypatch.setattr(comparisons, "comparisons", lambda: ours)
    return ours


@pytest.fixture
def app(made: Comparisons) -> AppTest:
    return page(PAGE)


def recorded(**changed: Any) -> Picture:
    """The picture of a first visit, with some choices changed."""
    values = {**DEFAULTS, **changed}
    wanted = cells_of(values, {}, 7)
    return choose(wanted, None, tuple(map(CellView, wanted)), RECORDED, values)


def test_a_first_visit_shows_the_recording_and_leaves_the_address_alone(app: AppTest) -> None:
    opened(app)
    assert address(app) == {}
    assert not app.info
    assert not app.button(key="compare-launch").disabled
    assert "about" in " ".join(caption.value for caption in app.caption)


def test_choices_go_into_the_address_and_back_out(app: AppTest) -> None:
    opened(app)
    app.multiselect(key="compare-set-methods").set_value(["erk", "uniform"]).run()
    app.number_input(key="compare-set-seeds").set_value(2).run()
    assert address(app) == {"methods": "uniform,erk", "seeds": "2"}
    app.multiselect(key="compare-set-methods").set_value(list(DEFAULTS["methods"])).run()
    app.number_input(key="compare-set-seeds").set_value(1).run()
    assert address(app) == {}


def test_the_address_sets_the_choices_and_garbage_is_said(app: AppTest) -> None:
    opened(app, models="digits-vit,alexnet", methods="pot", sparsities="0.6,2", seeds="3", target="0.6")
    assert app.multiselect(key="compare-set-models").value == ["digits-vit"]
    assert app.multiselect(key="compare-set-methods").value == ["pot"]
    assert app.multiselect(key="compare-set-sparsities").value == [0.6, 0.995]
    assert app.number_input(key="compare-set-seeds").value == 3
    assert len(app.info) == 2
    app.number_input(key="compare-set-seeds").set_value(1).run()
    assert not app.info


def test_a_model_without_files_is_left_out_with_a_sentence(app: AppTest) -> None:
    opened(app, models="digits-vit,cifar-resnet20")
    assert app.multiselect(key="compare-set-models").value == ["digits-vit"]
    assert "give yours on the Playground" in app.info[0].value


def test_nothing_chosen_is_no_error_and_cannot_be_run(app: AppTest) -> None:
    opened(app)
    app.multiselect(key="compare-set-methods").set_value([]).run()
    assert not app.exception
    assert app.button(key="compare-launch").disabled


def test_more_than_a_server_should_be_asked_for_is_a_sentence(app: AppTest) -> None:
    opened(app, models="digits-resnet20,digits-vit", methods=",".join(METHODS), seeds="10", sparsities="0.6,0.9")
    assert app.button(key="compare-launch").disabled
    cells, problem = asked_for({**DEFAULTS, "methods": tuple(METHODS), "seeds": 10}, {}, 1)
    assert cells == ()
    assert f"expected at most {MAX_CELLS}" in problem


def test_a_sparsity_of_the_address_can_be_left_out_and_taken_again(app: AppTest) -> None:
    opened(app, sparsities="0.6,0.9")
    choice = app.multiselect(key="compare-set-sparsities")
    choice.set_value([0.9]).run()
    assert address(app)["sparsities"] == "0.9"
    app.multiselect(key="compare-set-sparsities").set_value([0.6, 0.9]).run()
    assert address(app)["sparsities"] == "0.6,0.9"


def test_a_comparison_goes_from_the_button_to_its_table(app: AppTest, made: Comparisons) -> None:
    opened(app, methods="uniform,erk", sparsities="0.8,0.9")
    app.button(key="compare-launch").click().run()
    assert not app.exception
    key = address(app)["comparison"]
    view = made.wait(key, PATIENCE)
    assert view is not None
    assert view.over
    assert {cell.state for cell in view.cells} == {State.DONE}
    app.run()
    assert not app.exception
    assert "Stop" not in labels(app)
    assert app.button(key="compare-launch").disabled
    app.multiselect(key="compare-set-sparsities").set_value([0.9]).run()
    assert not app.button(key="compare-launch").disabled


def test_a_comparison_under_way_can_be_stopped_and_found_again(app: AppTest, made: Comparisons) -> None:
    opened(app, methods="fcpts", sparsities="0.8,0.9")
    app.button(key="compare-launch").click().run()
    assert {"Stop"} <= labels(app)
    assert app.button(key="compare-launch").disabled
    again = page(PAGE)
    opened(again, **address(app))
    assert {"Stop"} <= labels(again)
    again.button(key="strip-compare-stop").click().run()
    view = made.wait(address(app)["comparison"], PATIENCE)
    assert view is not None
    assert view.over
    assert view.cancelled
    app.run()
    assert "Stop" not in labels(app)


def test_a_comparison_rests_and_goes_on(app: AppTest, made: Comparisons) -> None:
    opened(app, methods="fcpts:steps=40", sparsities="0.8,0.9")
    app.button(key="compare-launch").click().run()
    key = address(app)["comparison"]
    app.button(key="strip-compare-go").click().run()
    view = made.view(key)
    assert view is not None
    assert view.paused
    assert "Resume" in labels(app)
    assert "Pause" not in labels(app)
    app.button(key="strip-compare-go").click().run()
    assert "Pause" in labels(app)
    done = made.wait(key, PATIENCE)
    assert done is not None
    assert {cell.state for cell in done.cells} == {State.DONE}


def add_setting(app: AppTest, name: str, wrong: str, complaint: str, value: str) -> None:
    """Chooses the setting, sees a wrong value refused, and adds the right one."""
    app.selectbox(key="variant-setting").set_value(name).run()
    assert app.button(key="variant-add").disabled
    app.text_input(key=f"variant-value-{name}").set_value(wrong).run()
    assert app.button(key="variant-add").disabled
    assert any(complaint in caption.value for caption in app.caption)
    app.text_input(key=f"variant-value-{name}").set_value(value).run()
    app.button(key="variant-add").click().run()
    assert not app.exception


def test_a_method_with_a_setting_of_its_own_joins_the_others(app: AppTest) -> None:
    opened(app, methods="uniform,best", sparsities="0.9")
    app.selectbox(key="variant-method").set_value("best").run()
    add_setting(app, "pattern", "3:x", "at most N of M", "2:4")
    assert address(app)["methods"] == "best,best:pattern=2:4,uniform"
    assert app.multiselect(key="compare-set-methods").value == ["best", "uniform", "best:pattern=2:4"]
    again = page(PAGE)
    opened(again, **address(app))
    assert again.multiselect(key="compare-set-methods").value == ["best", "best:pattern=2:4", "uniform"]


def test_sparsities_by_hand_bring_their_allocation_with_them(app: AppTest) -> None:
    opened(app, methods="best", sparsities="0.9")
    add_setting(app, "given", "conv1@half", "expected LAYER@SPARSITY", "conv1@0.5 layer3.*@0.97")
    assert address(app)["methods"] == "best,best:allocation=given:given=conv1@0.5 layer3.*@0.97"


def test_settings_of_an_address_that_cannot_be_are_left_out_with_a_sentence(app: AppTest) -> None:
    opened(app, methods="uniform,best:speed=9,lottery", sparsities="0.9")
    assert app.multiselect(key="compare-set-methods").value == ["uniform"]
    assert "There is no setting speed" in app.info[0].value
    assert "There is no method" in app.info[0].value


def test_an_unknown_comparison_is_forgotten_with_a_remark(app: AppTest) -> None:
    opened(app, comparison="gone")
    assert "not under way any more" in app.info[0].value
    assert address(app) == {}


def test_every_choice_survives_the_address() -> None:
    values = {
        "models": ("digits-resnet20", "digits-vit"),
        "methods": ("pot", "erk", "erk:layer_cap=0.99:pattern=2:4"),
        "sparsities": (0.55, 0.985),
        "seeds": 4,
        "target": 0.985,
        "show": "digits-vit",
        "comparison": "Xy-_09",
    }
    assert from_address(to_address(values)) == (values, [])
    assert to_address(DEFAULTS) == {}


def test_the_command_asks_for_the_same_cells(tmp_path: Path) -> None:
    from fcpts_core.compare.command import _cells
    from fcpts_core.options import build_parser

    values = {**DEFAULTS, "seeds": 2, "methods": (*DEFAULTS["methods"], "erk:pattern=2:4", "fcpts:steps=9")}
    arguments = build_parser().parse_args(command_of(values, 3).split()[1:])
    assert {cell.name for cell in _cells(arguments, 3)} == {cell.name for cell in cells_of(values, {}, 3)}


def test_what_is_done_soon_goes_first_and_every_method_before_a_second_seed() -> None:
    methods = ("fcpts", "obc", "uniform", "erk", "global-magnitude")
    cells = cells_of({**DEFAULTS, "methods": methods, "seeds": 2, "sparsities": (0.9,)}, {}, 1)
    assert [cell.config.seed for cell in cells] == [0] * 5 + [1] * 5
    assert [cell.label for cell in cells[:5]] == ["uniform", "erk", "global-magnitude", "obc", "fcpts"]


def test_the_time_left_is_judged_by_runs_of_the_same_method() -> None:
    picture = recorded(methods=("uniform", "pot"))
    left = [view for view in picture.cells if view.result is None]
    assert seconds_for(left, RECORDED) == (0, False)
    longer = recorded(methods=("fcpts:steps=3000",), sparsities=(0.9,)).cells
    usual = [view.result for view in RECORDED if view.cell.label == "fcpts" and view.result]
    pace = usual[0].seconds_per_step
    assert pace is not None
    seconds, complete = seconds_for(longer, [view for view in RECORDED if view.result is usual[0]])
    assert complete
    assert seconds == pytest.approx(usual[0].seconds + (3000 - usual[0].steps) * pace)
    uniform = [view for view in RECORDED if view.cell.label == "uniform"]
    total, complete = seconds_for(uniform, RECORDED)
    assert complete
    assert total == pytest.approx(sum(view.result.seconds for view in uniform if view.result))


def test_own_models_can_be_chosen_once_their_files_are_there() -> None:
    assert usable({}) == ("digits-resnet20", "digits-vit")
    assert "cifar-resnet20" not in usable({"cifar-resnet20": Files("w.pt", None)})
    assert "cifar-resnet20" in usable({"cifar-resnet20": Files("w.pt", "i.npz")})


def test_the_recording_stands_in_only_for_what_it_holds() -> None:
    assert recorded().kind is Kind.RECORDING
    more = recorded(methods=("fcpts", "pot"))
    assert more.kind is Kind.PREVIEW
    assert {row.method for row in more.table} == {"fcpts"}
    assert len(more.recorded) == 4
    assert more.unfinished("pot") == "not run yet"
    assert "4 of 8 runs are recorded" in status_of(more).sentence
    assert recorded(sparsities=()).targets == ()


def test_a_first_visit_sees_one_whole_recording_whatever_the_server_knows() -> None:
    wanted = cells_of(DEFAULTS, {}, 7)
    known = tuple(replace(view, cell=cell) for view, cell in zip(RECORDED, wanted, strict=True))
    assert choose(wanted, None, known, RECORDED, DEFAULTS).kind is Kind.RECORDING
    elsewhere = ComparisonView("key", (CellView(wanted[0], State.CANCELLED),))
    assert not choose(wanted, elsewhere, known, RECORDED, DEFAULTS).recorded


def test_the_lens_is_on_the_nearest_sparsity_that_is_there() -> None:
    assert recorded(target=0.96).target == 0.95
    assert nearest(0.5, ()) == 0.5


@pytest.mark.parametrize("changed", [{}, {"methods": ("pot",)}, {"methods": ()}, {"seeds": 2}, {"sparsities": (0.9,)}])
def test_charts_hold_a_linked_trace_for_every_method_with_a_result(changed: dict[str, Any]) -> None:
    picture = recorded(**changed)
    done = {row.method for row in picture.table}
    for build in (charts.accuracy, charts.groups, charts.allocations):
        panel = build(picture)
        linked = {trace["meta"] for trace in panel.figure["data"] if len(trace["x"])}
        assert done <= linked <= set(picture.methods)
        assert panel.summary.endswith(".")
    assert len(charts.accuracy(picture).figure["data"]) == len(picture.methods)


def test_methods_look_different_in_both_themes() -> None:
    looks = {(style.colour, style.dash) for style in theme.METHOD_STYLES.values()}
    symbols = {style.symbol for style in theme.METHOD_STYLES.values()}
    assert len(looks) == len(symbols) == len(theme.METHOD_STYLES)
    assert {colour.removeprefix("@") for colour, _ in looks} <= theme.PALETTE["light"].keys()


def test_groups_say_who_is_ahead_and_that_more_differs() -> None:
    note = groups(recorded()).note
    assert "points ahead of" in note
    assert "Methods differ in more than the allocation." in note


def test_the_table_is_sorted_within_targets_and_marks_the_best() -> None:
    lines = table_of(recorded()).lines
    assert len(lines) == len(RECORDED)
    for target in ("80", "90", "95", "98"):
        mine = [line for line in lines if line.texts[1].startswith(target)]
        accuracies = [line.keys[2] for line in mine]
        assert accuracies == sorted(accuracies, key=lambda share: -float(share or 0))
        assert [line.best for line in mine] == [share == accuracies[0] for share in accuracies]
    assert {line.tag for line in lines} == {""}


def test_methods_that_are_level_are_all_best_and_models_are_told_apart() -> None:
    values = {**DEFAULTS, "models": ("digits-resnet20", "digits-vit"), "methods": ("uniform", "erk"), "seeds": 2}
    wanted = cells_of(values, {}, 1)
    template = RECORDED[0].result
    assert template is not None
    views = tuple(
        CellView(cell, State.DONE, replace(template, model=cell.config.model, target_sparsity=cell.config.sparsity))
        for cell in wanted
    )
    picture = choose(wanted, ComparisonView("key", views), (), (), values)
    lines = table_of(picture).lines
    assert len(lines) == 16
    assert all(line.best for line in lines)
    assert {line.model for line in lines} == {"digits-resnet20", "digits-vit"}
    assert not any("\N{PLUS-MINUS SIGN}" in line.texts[2] for line in lines)
    assert status_of(picture).tiles[0].note == "level with 1 other"


def test_a_failed_cell_says_why_in_the_table() -> None:
    wanted = cells_of({**DEFAULTS, "methods": ("erk",), "sparsities": (0.8, 0.9)}, {}, 1)
    views = (CellView(wanted[0], State.FAILED, reason="It broke."), CellView(wanted[1], State.RUNNING))
    picture = choose(wanted, ComparisonView("key", views), (), (), DEFAULTS)
    lines = table_of(picture).lines
    assert [line.words for line in lines] == ["Seed 0 failed: It broke.", "running"]
    assert status_of(picture).state == "running"
    ended = choose(wanted[:1], ComparisonView("key", views[:1]), (), (), DEFAULTS)
    assert (status_of(ended).state, ended.open) == ("failed", False)


def flops(picture: Picture, share: float = 1.0) -> Picture:
    """The same picture as if a share of its methods had been given a budget of multiply-adds."""
    methods = picture.methods[: round(share * len(picture.methods))]
    cells = tuple(
        replace(
            view,
            cell=replace(view.cell, config=replace(view.cell.config, overrides={"budget": "flops"})),
            result=view.result and replace(view.result, budget="flops", sparsity=0.77),
        )
        if view.cell.label in methods
        else view
        for view in picture.cells
    )
    return replace(picture, cells=cells)


def words_of(picture: Picture) -> str:
    panels = [build(picture) for build in (charts.accuracy, charts.groups, charts.allocations)]
    return json.dumps([vars(panel) | {"legend": ""} for panel in panels])


def test_a_target_is_called_what_it_is_a_share_of() -> None:
    weights, macs, both = (words_of(flops(recorded(), share)) for share in (0.0, 1.0, 0.5))
    assert "95\\u202f% sparsity" in weights
    assert "multiply-adds" not in weights
    assert "against multiply-adds removed" in macs
    assert '"share of multiply-adds removed"' in macs
    assert "95\\u202f% of the multiply-adds removed" in macs
    assert "at 95\\u202f% sparsity" not in macs
    assert "against target" in both
    assert "at a target of 95" in both
    assert "4 targets" in status_of(flops(recorded())).title


def test_beside_a_share_of_multiply_adds_the_hover_says_the_sparsity() -> None:
    assert "sparsity 77.00" in words_of(flops(recorded()))
    assert "sparsity 77.00" not in words_of(recorded())
    tags = {line.tag for line in table_of(flops(recorded())).lines}
    assert tags == {"of multiply-adds"}


def test_methods_with_a_budget_of_multiply_adds_name_the_field_of_targets(app: AppTest) -> None:
    opened(app, methods="uniform:budget=flops")
    assert app.multiselect(key="compare-set-sparsities").label == "Targets"
