"""Losses against values worked out by hand."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from fcpts_core.reconstruction.losses import CONTROLS, OBJECTIVES, View, mean_square_error, softened
from fcpts_core.reconstruction.settings import Settings

# Two blocks with mean squares 4 and 0.5; the student misses by 1 everywhere, then by 1 in one place of two.
TEACHER = View(torch.tensor([[1.0, 2.0], [0.0, -1.0]]), (torch.full((2, 3), 2.0), torch.tensor([[0.0], [1.0]])))
STUDENT = View(torch.tensor([[1.0, 4.0], [0.0, -1.0]]), (torch.full((2, 3), 3.0), torch.tensor([[1.0], [1.0]])))
BY_HAND = {
    "logits": (2.0**2) / 4,
    "blocks": 7 * (1 / 4 + 0.5 / 0.5) / 2,
    "blocks-mse": 1 + 0.5 + 1,
    "blocks+logits": 7 * (1 / 4 + 0.5 / 0.5) / 2 + 1,
}


def kl_by_hand(student: Tensor, teacher: Tensor, temperature: float) -> float:
    total = 0.0
    for said, meant in zip(student.tolist(), teacher.tolist(), strict=True):
        p, q = ([math.exp(z / temperature) for z in row] for row in (meant, said))
        total += sum(a / sum(p) * math.log(a / sum(p) / (b / sum(q))) for a, b in zip(p, q, strict=True))
    return temperature**2 * total / len(student)


@pytest.mark.parametrize("name", BY_HAND)
def test_values(name: str) -> None:
    loss = OBJECTIVES[name](STUDENT, TEACHER, Settings(block_weight=7))
    assert loss.item() == pytest.approx(BY_HAND[name])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_kl_is_the_divergence_of_the_softened_classes(temperature: float) -> None:
    loss = OBJECTIVES["kl"](STUDENT, TEACHER, Settings(temperature=temperature))
    assert loss.item() == pytest.approx(kl_by_hand(STUDENT.logits, TEACHER.logits, temperature), rel=1e-5)


def test_kl_of_even_odds_against_one_to_three() -> None:
    """`T^2 (ln 2 / 2 + ln(2/3) / 2)` for the one image of two that differs, halved."""
    teacher = View(torch.zeros(2, 2), ())
    student = View(torch.tensor([[0.0, 2 * math.log(3)], [5.0, 5.0]]), ())
    expected = 4 * 0.5 * (math.log(2) + math.log(2 / 3)) / 2
    assert OBJECTIVES["kl"](student, teacher, Settings(temperature=2)).item() == pytest.approx(expected)


@pytest.mark.parametrize("softness", [0.5, 3.3])
def test_softened_classes_are_compared_at_a_temperature_of_the_teacher_s_own(softness: float) -> None:
    settings = Settings(softness=softness, soft_weight=5, block_weight=7)
    temperature = softness * TEACHER.logits.std(correction=0).item()
    divergence = kl_by_hand(STUDENT.logits, TEACHER.logits, temperature) / temperature**2
    expected = BY_HAND["blocks"] + 5 * 2 * softness**2 * divergence
    assert OBJECTIVES["blocks+soft"](STUDENT, TEACHER, settings).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("scale", [0.01, 100])
def test_softened_classes_know_no_scale_and_no_offset_of_the_logits(scale: float) -> None:
    teacher = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    student = teacher + torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    plain = softened(View(student, ()), View(teacher, ()), Settings())
    other = softened(View(scale * student, ()), View(scale * teacher + 3, ()), Settings())
    assert other.item() == pytest.approx(plain.item(), rel=1e-3)


def test_ever_softer_classes_become_the_relative_error_of_the_logits() -> None:
    """Less what is the same for all classes of an image, which changes no class."""
    teacher = torch.randn(6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    error = torch.randn(6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found = softened(View(teacher + error, ()), View(teacher, ()), Settings(softness=1000))
    centred = error - error.mean(dim=1, keepdim=True)
    assert found.item() == pytest.approx((centred.square().mean() / teacher.var(correction=0)).item(), rel=1e-2)


def test_rows_of_one_number_are_compared_by_their_relative_error() -> None:
    """The answers of detectors: one class alone would have nothing to say."""
    teacher, student = View(torch.tensor([[1.0], [5.0]]), ()), View(torch.tensor([[2.0], [5.0]]), ())
    assert softened(student, teacher, Settings()).item() == pytest.approx(0.5 / 4)


@pytest.mark.parametrize("classes", [1, 3])
def test_a_teacher_that_always_says_the_same_is_no_reason_to_divide_by_nothing(classes: int) -> None:
    teacher, student = View(torch.zeros(2, classes), ()), View(torch.ones(2, classes).cumsum(1), ())
    assert 0 < softened(student, teacher, Settings()).item() < 10


def test_a_block_that_is_silent_in_the_teacher_is_not_normalised() -> None:
    teacher, student = View(torch.zeros(1, 1), (torch.zeros(4),)), View(torch.zeros(1, 1), (torch.full((4,), 3.0),))
    assert OBJECTIVES["blocks"](student, teacher, Settings(block_weight=2)).item() == pytest.approx(2 * 9)


@pytest.mark.parametrize("spent", [False, True])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_mean_square_error_and_its_gradient_are_those_of_torch_to_the_bit(
    layout: torch.memory_format, spent: bool
) -> None:
    said, meant = (torch.randn(3, 5, 7, 4).to(memory_format=layout) for _ in range(2))
    said.requires_grad_()
    theirs, ours = F.mse_loss(said, meant.clone()), mean_square_error(said, meant, spent)
    assert torch.equal(ours, theirs)
    assert torch.equal(*(torch.autograd.grad(loss / 0.37, said)[0] for loss in (ours, theirs)))


def test_nothing_is_written_over_numbers_that_share_a_place() -> None:
    """A block may expand what it says: one number in memory for a whole axis."""
    said, meant = torch.randn(3, 1, 2, 2, requires_grad=True), torch.randn(3, 1, 2, 2)
    loss = mean_square_error(said.expand(3, 5, 2, 2), meant.expand(3, 5, 2, 2), spent=True)
    theirs = F.mse_loss(said, meant)
    assert loss.item() == pytest.approx(theirs.item(), rel=1e-6)
    torch.testing.assert_close(*(torch.autograd.grad(one, said)[0] for one in (loss, theirs)))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_what_is_spent_changes_nothing_but_the_blocks_themselves(name: str) -> None:
    found = []
    for spent in (False, True):
        student = View(STUDENT.logits.clone().requires_grad_(), [b.clone().requires_grad_() for b in STUDENT.blocks])
        teacher = View(TEACHER.logits, [block.clone() for block in TEACHER.blocks], spent)
        loss = OBJECTIVES[name](student, teacher, Settings())
        loss.backward()
        found.append([loss, *(tensor.grad for tensor in (student.logits, *student.blocks) if tensor.grad is not None)])
    assert len(found[0]) == len(found[1]) > 1
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_what_is_spent_serves_one_backward_pass() -> None:
    said = torch.randn(4, requires_grad=True)
    loss = mean_square_error(said, torch.randn(4), spent=True)
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="inplace"):
        loss.backward()


def test_in_bfloat16_it_is_that_of_the_same_numbers_in_float32() -> None:
    said, meant = torch.randn(40, 3).bfloat16().requires_grad_(), torch.randn(40, 3).bfloat16()
    ours, theirs = mean_square_error(said, meant), F.mse_loss(said.float(), meant.float())
    assert ours.dtype == torch.float32
    assert torch.equal(ours, theirs)
    assert torch.equal(*(torch.autograd.grad(loss, said)[0] for loss in (ours, theirs)))


def test_its_gradient_is_that_of_finite_differences() -> None:
    said, meant = torch.randn(3, 4, dtype=torch.float64, requires_grad=True), torch.randn(3, 4, dtype=torch.float64)
    assert torch.autograd.gradcheck(mean_square_error, (said, meant))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_teacher_s_answer_is_left_as_it_is(name: str) -> None:
    before = [TEACHER.logits.clone(), *(block.clone() for block in TEACHER.blocks)]
    student = View(
        STUDENT.logits.clone().requires_grad_(), [block.clone().requires_grad_() for block in STUDENT.blocks]
    )
    OBJECTIVES[name](student, TEACHER, Settings()).backward()
    assert all(torch.equal(one, other) for one, other in zip(before, [TEACHER.logits, *TEACHER.blocks], strict=True))


@pytest.mark.parametrize(("name", "alone"), [("blocks", 0.0), ("blocks-mse", 1.0), ("blocks+logits", 1.0)])
def test_without_blocks_only_the_logits_count(name: str, alone: float) -> None:
    student, teacher = View(STUDENT.logits, ()), View(TEACHER.logits, ())
    assert OBJECTIVES[name](student, teacher, Settings()).item() == pytest.approx(alone)


@pytest.mark.parametrize(
    ("name", "value", "slope"), [("absolute", 0.2, 1.0), ("squared", 0.04, 0.4)], ids=["absolute", "squared"]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_control_is_the_distance_from_the_target(name: str, value: float, slope: float, sign: int) -> None:
    sparsity = torch.tensor(0.5 + 0.2 * sign, requires_grad=True)
    loss = CONTROLS[name](sparsity, 0.5)
    loss.backward()
    assert sparsity.grad is not None
    assert loss.item() == pytest.approx(value)
    assert sparsity.grad.item() == pytest.approx(sign * slope)


@pytest.mark.parametrize("name", CONTROLS)
def test_control_rests_at_the_target(name: str) -> None:
    sparsity = torch.tensor(0.5, requires_grad=True)
    CONTROLS[name](sparsity, 0.5).backward()
    assert sparsity.grad is not None
    assert sparsity.grad.item() == 0
