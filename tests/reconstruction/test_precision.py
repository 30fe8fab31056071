"""bfloat16: the same learning but for rounding, and networks laid out as they came."""

import pytest
import torch

from fcpts_core.engine.events import Measured
from fcpts_core.engine.solve import solve
from fcpts_core.problem import Problem
from fcpts_core.reconstruction.precision import has_bfloat16, precision_of
from tests.cases import NETWORKS, images, problem, zeros_of


def learned(precision: str, reconstruction: str) -> tuple[list[Measured], Problem]:
    task = problem(
        NETWORKS["conv"](),
        "uniform",
        reconstruction=reconstruction,
        steps=6,
        ramp=0.0,
        data=images(16),
        precision=precision,
    )
    return [event for event in solve(task) if isinstance(event, Measured)], task


@pytest.mark.parametrize("reconstruction", ["net-wise", "fcpts"])
def test_losses_are_those_of_float32_but_for_rounding(reconstruction: str) -> None:
    exact, _ = learned("float32", reconstruction)
    rounded, task = learned("bfloat16", reconstruction)
    assert [event.reconstruction for event in rounded] != [event.reconstruction for event in exact]
    assert rounded[0].reconstruction == pytest.approx(exact[0].reconstruction, rel=0.05)
    assert zeros_of([layer.weight for layer in task.layers]) == task.zeros
    for network in (task.student, task.teacher):
        for parameter in network.parameters():
            assert parameter.is_contiguous()
            assert parameter.dtype == torch.float32


def test_auto_is_what_the_device_has() -> None:
    device = torch.device("cpu")
    assert precision_of("auto", device) == (torch.bfloat16 if has_bfloat16(device) else torch.float32)
    assert precision_of("auto", torch.device("meta")) == torch.float32
    assert precision_of("float32", device) == torch.float32
    assert precision_of("bfloat16", device) == torch.bfloat16
