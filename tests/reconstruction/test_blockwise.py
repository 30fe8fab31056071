"""Stage after stage: every parameter in one of them, each learns alone, behind the sparse ones before it."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fcpts_core.engine.events import Measured
from fcpts_core.problem import Problem, told_silently
from fcpts_core.reconstruction.blockwise import blockwise, stages
from fcpts_core.reconstruction.losses import relative_error
from fcpts_core.reconstruction.reached import output_of
from tests.cases import NETWORKS, conv_net, images, problem, transformer, zeros_of


def task_of(network: nn.Module, **given: Any) -> Problem:
    usual = {"reconstruction": "block-wise", "data": images(16), "sparsity": 0.5, "batch_size": 16}
    return problem(network, "fcpts", **{**usual, **given})


def shares(task: Problem) -> tuple[float, ...]:
    return tuple(1.0 if zeros_of([layer.weight]) else 0.45 for layer in task.layers)


def followed(task: Problem) -> list[Measured]:
    return [event for event in blockwise(task, shares(task)) if isinstance(event, Measured)]


@pytest.mark.parametrize("network", NETWORKS)
def test_every_parameter_is_in_exactly_one_stage(network: str) -> None:
    task = task_of(NETWORKS[network]())
    found = [parameter for stage in stages(task) for parameter in stage.parameters]
    assert [id(p) for p in found] == [id(p) for p in task.student.parameters()]
    assert [stage.last for stage in stages(task)] == [False, False, True]


def test_stages_are_blocks_with_what_comes_before_them_and_then_the_rest() -> None:
    task = task_of(conv_net())
    names = {id(parameter): name for name, parameter in task.student.named_parameters()}
    first, second, last = ({names[id(p)].split(".")[0] for p in stage.parameters} for stage in stages(task))
    assert first == {"conv1", "bn1", "stage"}
    assert second == {"stage"}
    assert last == {"idle", "gain", "linear"}
    assert stages(task)[0].student is task.student.stage[0]  # type: ignore[index]
    assert stages(task)[1].teacher is task.teacher.stage[1]  # type: ignore[index]
    assert stages(task)[2].student is task.student


class Plain(nn.Module):
    """Has no blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.layer(x).mean(dim=(2, 3)))
        return logits


def test_a_network_without_blocks_is_one_stage() -> None:
    task = task_of(Plain().eval())
    assert [(stage.last, len(stage.parameters)) for stage in stages(task)] == [(True, 4)]
    assert len(followed(task)) == task.settings.steps


def test_only_the_stage_whose_turn_it_is_learns() -> None:
    task = task_of(transformer(), steps=3, warmup=0.0)
    parts = [[p.detach().clone() for p in stage.parameters] for stage in stages(task)]
    own = [stage.parameters for stage in stages(task)]
    changed = []
    for event in blockwise(task, shares(task)):
        assert isinstance(event, Measured)
        found = [
            any(not torch.equal(p, before) for p, before in zip(mine, then, strict=True))
            for mine, then in zip(own, parts, strict=True)
        ]
        changed.append(found)
    assert changed == [[True, False, False], [True, True, False], [True, True, True]]


def error(task: Problem, stage: int) -> float:
    mine = stages(task)[stage]
    x = images(16).inputs()
    with torch.no_grad():
        return float(relative_error(output_of(task.student, mine.student, x), output_of(task.teacher, mine.teacher, x)))


@pytest.mark.parametrize("network", NETWORKS)
def test_every_stage_comes_nearer_to_its_dense_self(network: str) -> None:
    given: dict[str, Any] = {"augment": "none", "learning_rate": 0.01, "student_norms": "eval", "ramp": 0.0}
    pruned, learned = (task_of(NETWORKS[network](), steps=steps, **given) for steps in (0, 90))
    told_silently(blockwise(pruned, shares(pruned)))
    followed(learned)
    for stage in range(3):
        assert error(learned, stage) < 0.9 * error(pruned, stage)


def test_sparsity_rises_within_each_stage_and_is_whole_at_the_end() -> None:
    task = task_of(transformer(), steps=30, ramp=0.7, ramp_start=0.4)
    given, names = shares(task), [layer.name for layer in task.layers]
    steps = followed(task)
    own = {0: "embed", 10: "encoders.1.mix", 20: "head"}
    for begin, name in own.items():
        index = names.index(name)
        reached = [step.layer_sparsity[index] for step in steps[begin : begin + 10]]
        assert reached == sorted(reached)
        assert reached[0] < 0.6 * given[index]
        assert reached[-1] == pytest.approx(given[index], abs=0.5 / task.layers[index].weights)
    assert steps[0].learning_rate < steps[1].learning_rate or task.settings.warmup * 10 < 1


@pytest.mark.parametrize("masks", ["anew", "fixed"])
def test_masks_stay_only_if_they_are_fixed(masks: str) -> None:
    task = task_of(conv_net(), masks=masks, ramp=0.0, learning_rate=0.2, steps=30)
    first = task_of(conv_net(), masks=masks, ramp=0.0, steps=0)
    followed(task), followed(first)
    same = [torch.equal(a.weight == 0, b.weight == 0) for a, b in zip(task.layers, first.layers, strict=True)]
    assert all(same) == (masks == "fixed")


def test_the_teacher_and_the_flags_of_the_student_are_left_alone() -> None:
    task = task_of(conv_net())
    task.student.get_parameter("bn1.bias").requires_grad_(False)
    followed(task)
    assert [n for n, p in task.student.named_parameters() if not p.requires_grad] == ["bn1.bias"]
    assert torch.equal(task.student.get_parameter("bn1.bias"), task.teacher.get_parameter("bn1.bias"))
    assert all(p.grad is None for p in task.student.parameters())
    assert all(p.grad is None for p in task.teacher.parameters())
