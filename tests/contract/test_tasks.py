"""What every task owes the engine: names for its figures, rows to learn from, full agreement with itself."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from fcpts_core.data.boxes import Boxes
from fcpts_core.data.images import ImageSet
from fcpts_core.errors import InputError
from fcpts_core.measure.judging import Judge
from fcpts_core.reconstruction.losses import OBJECTIVES
from fcpts_core.tasks.registry import TASKS, task
from fcpts_core.tasks.task import Task
from tests.tasks.test_detection import detector

pytestmark = pytest.mark.parametrize("chosen", TASKS.values(), ids=TASKS)


def network(chosen: Task) -> nn.Module:
    torch.manual_seed(0)
    if chosen.name == "classification":
        return nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 4))
    return nn.Conv2d(3, 4, 1) if chosen.name == "segmentation" else detector("one stage")


def images(chosen: Task) -> ImageSet:
    pixels = torch.randint(256, (3, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    plain = ImageSet("some", pixels, None, (0.0,) * 3, (1.0,) * 3)
    if chosen.name == "classification":
        return replace(plain, labels=torch.tensor([0, 1, 2]))
    if chosen.name == "segmentation":
        return replace(plain, labels=torch.zeros(3, 32, 32, dtype=torch.uint8))
    return replace(plain, boxes=(Boxes.of([(1, (0.0, 0.0, 9.0, 9.0), False)]),) * 3)


def test_it_is_found_by_its_name(chosen: Task) -> None:
    assert task(chosen.name) is chosen
    with pytest.raises(InputError, match="no task 'nothing': expected one of classification"):
        task("nothing")


def test_its_objectives_are_objectives(chosen: Task) -> None:
    assert chosen.objectives is None or chosen.objectives <= set(OBJECTIVES)


def test_rows_have_gradients_and_say_nothing_of_an_image_twice(chosen: Task) -> None:
    module, batch = network(chosen), images(chosen).inputs()
    rows = chosen.rows(module, batch)
    assert rows.ndim == 2
    assert rows.requires_grad
    assert torch.equal(rows, chosen.rows(copy.deepcopy(module), batch))


def test_figures_are_shares_under_their_names(chosen: Task) -> None:
    module, data = network(chosen), images(chosen)
    judge = Judge(chosen, data, torch.device("cpu"))
    judgement = judge.judgement(module)
    agreements = judge.agreements(judgement, judgement)
    assert tuple(judgement.measures) == chosen.measures
    assert tuple(agreements) == chosen.agreements
    assert set(agreements.values()) == {1.0}
    assert all(0 <= figure <= 1 for figure in judgement.measures.values())
    assert judgement.main == judgement.measures[chosen.measures[0]]


def test_without_labels_only_agreement_is_given(chosen: Task) -> None:
    module, data = network(chosen), images(chosen).without_labels()
    judge = Judge(chosen, data, torch.device("cpu"))
    assert not chosen.labelled(data)
    assert judge.judgement(module).main is None
    assert judge.agreements(judge.judgement(module), judge.judgement(module))
    assert Judge(chosen, None, torch.device("cpu")).judgement(module).said is None
