"""Sparsities by hand: what is said holds, the others share the rest, and the target is met to the weight."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st
from torch import nn

from fcpts_core.allocation.given import Rule, from_table, given, rules, written
from fcpts_core.allocation.registry import ALLOCATIONS
from fcpts_core.allocation.respect import budget_under
from fcpts_core.cli import main
from fcpts_core.compare.contender import Contender
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.prepare import prepare
from fcpts_core.errors import InputError
from fcpts_core.export.recipe import read_recipe
from fcpts_core.methods import settings_for
from fcpts_core.problem import Problem, told_silently
from tests.cases import problem


def network() -> nn.Module:
    parts = {
        "conv1": nn.Conv2d(3, 8, 3, padding=1),
        "conv2": nn.Conv2d(8, 16, 3, padding=1),
        "conv3": nn.Conv2d(16, 16, 3, padding=1),
        "pool": nn.Flatten(),
        "linear": nn.Linear(1024, 4),
    }
    return nn.Sequential(OrderedDict(parts))


def task(text: str, **more: Any) -> Problem:
    return problem(network(), "uniform", **{"allocation": "given", "given": text, **more})


def shares(text: str, **more: Any) -> dict[str, float]:
    solved = task(text, **more)
    found = told_silently(ALLOCATIONS["given"].allocate(solved))
    assert sum(solved.counts(found)) == round(solved.sparsity * solved.total)
    return dict(zip((layer.name for layer in solved.layers), found, strict=True))


def weights() -> dict[str, int]:
    return {layer.name: layer.weights for layer in task("").layers}


def test_what_is_said_of_a_layer_holds_and_the_others_share_the_rest() -> None:
    found, sizes = shares("conv1@0 linear@0.5", sparsity=0.6), weights()
    assert found["conv1"] == 0
    assert found["linear"] == round(0.5 * sizes["linear"]) / sizes["linear"]
    others = {name: share for name, share in found.items() if name not in ("conv1", "linear")}
    zeros = round(0.6 * sum(sizes.values())) - round(found["linear"] * sizes["linear"])
    equal = zeros / sum(sizes[name] for name in others)
    assert all(abs(share - equal) <= 1 / sizes[name] for name, share in others.items())


def test_of_two_rules_that_fit_the_first_counts() -> None:
    found = shares("conv1@0.25 Conv2d@0.75 *@0.5", sparsity=0.7)
    # All are named, so what layers keep is scaled: 0.75, 0.25, 0.25 and 0.5 times the same.
    kept = {name: 1 - share for name, share in found.items()}
    assert kept["conv2"] == pytest.approx(kept["conv1"] / 3, abs=0.005)
    assert kept["conv3"] == pytest.approx(kept["conv1"] / 3, abs=0.005)
    assert kept["linear"] == pytest.approx(kept["conv1"] * 2 / 3, abs=0.005)


def test_nothing_said_is_uniform() -> None:
    uniform = told_silently(ALLOCATIONS["uniform"].allocate(task("")))
    assert tuple(shares("").values()) == uniform


@drawn(st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_texts_are_read_as_they_are_written(sparsities: list[float]) -> None:
    said = tuple(map(Rule, ("conv1", "layer*", "*.weight@x"), sparsities))
    found = rules(written((rule.pattern, rule.sparsity) for rule in said))
    assert [rule.pattern for rule in found] == [rule.pattern for rule in said]
    assert [rule.sparsity for rule in found] == pytest.approx(sparsities, rel=1e-9)


def test_an_allocation_of_every_rule_can_be_given_again_to_the_weight() -> None:
    for name in ("uniform", "erk", "lamp", "global-magnitude", "power"):
        first = task("", sparsity=0.7)
        expected = told_silently(ALLOCATIONS[name].allocate(first))
        text = written(zip((layer.name for layer in first.layers), expected, strict=True))
        assert tuple(shares(text, sparsity=0.7).values()) == expected


def test_another_target_scales_what_layers_keep() -> None:
    sizes = weights()
    text = written((name, 0.8 if place % 2 else 0.6) for place, name in enumerate(sizes))
    found = list(shares(text, sparsity=0.9).items())
    assert (1 - found[0][1]) / (1 - found[1][1]) == pytest.approx(2, rel=0.05)
    layers, budget = task(text).layers, budget_under("unstructured", task("").dense, 0.9)
    # What shall go altogether comes back where the target asks for less.
    back = given(layers, replace(budget, zeros=sum(sizes.values()) // 2), [Rule("*", 1.0)])
    assert sum(share * size for share, size in zip(back, sizes.values(), strict=True)) == sum(sizes.values()) // 2


@pytest.mark.parametrize("budget", ["weights", "flops"])
def test_zeros_of_the_dense_model_and_caps_prevail(budget: str) -> None:
    dense = network()
    dense.get_parameter("conv1.weight").data[:4] = 0
    said: dict[str, Any] = {"allocation": "given", "given": "conv1@0 linear@1", "layer_cap": 0.8, "budget": budget}
    solved = problem(dense, "uniform", sparsity=0.6, **said)
    found = told_silently(ALLOCATIONS["given"].allocate(solved))
    by_name = dict(zip((layer.name for layer in solved.layers), found, strict=True))
    assert by_name["conv1"] == 0.5
    assert by_name["linear"] == pytest.approx(0.8, abs=64 / 4096)  # change of what one zero of a convolution saves
    assert solved.share(solved.counts(found)) == pytest.approx(0.6, abs=1e-3)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("conv1", "given holds 'conv1': expected LAYER@SPARSITY"),
        ("conv1@", "given holds 'conv1@': expected"),
        ("@0.5", "given holds '@0.5': expected"),
        ("conv1@95%", "given holds 'conv1@95%': expected"),
        ("conv1@nan", "given holds 'conv1@nan': expected"),
        ("conv1@-0.1", "given holds 'conv1@-0.1': expected"),
        ("conv1@1.5 linear@0.5", "given holds 'conv1@1.5': expected LAYER@SPARSITY with a share from 0 to 1"),
        ("conv9@0.5", r"given names 'conv9', and no layer that is to be pruned fits that: expected .*'conv1'"),
        ("linear@0.1", r"the whole network can have \d+\.\d+% to \d+\.\d+%, and the target is 60\.0\d%"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        shares(text)


def test_a_run_is_refused_before_anything_is_measured() -> None:
    with pytest.raises(InputError, match="given names 'conv9'"):
        prepare(RunConfig(method="uniform", overrides={"allocation": "given", "given": "conv9@0.5"}), rehearsal=True)


def test_sparsities_that_nobody_asks_for_are_refused() -> None:
    with pytest.raises(InputError, match="the allocation is erk: expected the setting allocation=given"):
        settings_for("erk", {"given": "conv1@0.5"})


def test_the_table_of_a_run_gives_another_run_the_same_allocation(tmp_path: Path) -> None:
    out = ["--method", "erk", "--calibration-size", "16", "--out", str(tmp_path)]
    assert main(["run", *out]) == 0
    table = (tmp_path / "allocation.csv").read_bytes()
    assert main(["run", *out, "--allocation-from", str(tmp_path / "allocation.csv")]) == 0
    assert (tmp_path / "allocation.csv").read_bytes() == table
    recipe = read_recipe(tmp_path / "recipe.toml").config.overrides
    assert recipe["given"] == from_table(tmp_path / "allocation.csv")
    assert main(["run", str(tmp_path / "recipe.toml"), "--set", "allocation=erk", "--out", str(tmp_path)]) == 0
    assert read_recipe(tmp_path / "recipe.toml").config.overrides == {"allocation": "erk"}


def test_two_allocations_for_one_run_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--set", "allocation=erk", "--allocation-from", "allocation.csv"]) == 2
    assert "Both --allocation-from and --set allocation say the allocation" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"name,weights\nconv1,3\n", b"name,weights,zeros\nconv1,0,0\n", b"\xff\x00"])
def test_a_file_that_is_no_such_table_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"other\.csv is no table of layers: expected the allocation\.csv of a run"):
        from_table(path)
    with pytest.raises(InputError, match=r"nowhere\.csv cannot be read \(No such file or directory\)"):
        from_table(tmp_path / "nowhere.csv")


def test_readers_see_the_beginning_of_many_rules() -> None:
    text = written((name, 0.9) for name in (f"layer{place}.conv" for place in range(20)))
    short = Contender.of("best", {"allocation": "given", "given": text}).changes
    assert short.startswith("allocation=given, given=layer0.conv@0.9 layer1.conv@0.9")
    assert short.endswith(" …")
    assert len(short) < 80
    assert Contender.of("best", {"given": "conv1@0.5 *@0.9", "steps": "9"}).changes == "given=conv1@0.5 *@0.9, steps=9"
