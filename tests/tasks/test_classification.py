"""Top-1, top-5 and agreement by counting, of networks that return tensors, dicts and tuples."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fcpts_core.data.images import ImageSet
from fcpts_core.errors import InputError
from fcpts_core.measure.accuracy import accuracy, predict
from fcpts_core.tasks.classification import Classification
from fcpts_core.tasks.task import main_output

TASK = Classification()


def images(labels: Tensor | None = None) -> ImageSet:
    pixels = torch.randint(256, (40, 3, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return ImageSet("some", pixels, labels, (0.5,) * 3, (0.5,) * 3)


def network(classes: int) -> nn.Module:
    torch.manual_seed(classes)
    return nn.Sequential(nn.Flatten(), nn.Linear(48, classes))


class Wrapped(nn.Module):
    def __init__(self, inner: nn.Module, wrap: Any) -> None:
        super().__init__()
        self.inner, self.wrap = inner, wrap

    def forward(self, x: Tensor) -> Any:
        return self.wrap(self.inner(x))


class Answer:
    def __init__(self, logits: Tensor) -> None:
        self.logits = logits


@pytest.mark.parametrize("classes", [2, 5, 12])
def test_measures_are_counts_over_the_logits(classes: int) -> None:
    labels = torch.arange(40) % classes
    data, module = images(labels), network(classes)
    logits = predict(module, data)
    among = sum(
        int(label) in row.topk(min(5, classes)).indices.tolist() for row, label in zip(logits, labels, strict=True)
    )
    figures = TASK.judged(TASK.predict(module, data), data)
    assert figures == {"top-1": accuracy(logits, labels), "top-5": among / 40}
    assert tuple(figures) == TASK.measures


def test_agreement_counts_equal_classes() -> None:
    data = images()
    one, other = (TASK.predict(network(5), data), TASK.predict(network(5).apply(_negated), data))
    assert TASK.agreed(one, one) == {"agreement": 1.0}
    assert TASK.agreed(one, other)["agreement"] < 1


def _negated(module: nn.Module) -> None:
    for parameter in module.parameters(recurse=False):
        parameter.data.neg_()


@pytest.mark.parametrize(
    "wrap",
    [
        lambda x: {"out": x, "aux": x * 0},
        lambda x: {"aux": 3, "logits": x},
        lambda x: (x, x * 0),
        Answer,
    ],
)
def test_the_logits_are_found_in_what_a_network_returns(wrap: Any) -> None:
    plain, batch = network(5), images().inputs()
    assert torch.equal(TASK.rows(Wrapped(plain, wrap), batch), plain(batch))


@pytest.mark.parametrize("output", [None, {"boxes": 3}, [], "logits"])
def test_an_output_without_a_tensor_has_its_sentence(output: Any) -> None:
    with pytest.raises(InputError, match="without a tensor: expected a tensor, or a dict or a tuple"):
        main_output(output)


def test_maps_are_no_labels_of_images() -> None:
    assert not TASK.labelled(images())
    assert not TASK.labelled(images(torch.zeros(40, 4, 4, dtype=torch.uint8)))
    assert TASK.labelled(images(torch.zeros(40, dtype=torch.int64)))
