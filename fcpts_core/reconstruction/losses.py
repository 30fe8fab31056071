"""What is minimised: how far the sparse model is from the dense one, and how far its sparsity is from the target.

Notation: logits `z` of the student and `z'` of the teacher, `[B, C]`; `f_b` and `f'_b` the outputs of block `b`; `c` is
`block_weight`, `w` `soft_weight`.

    kl              T^2 / B  sum over images  KL(softmax(z' / T) || softmax(z / T))     FCPTS, equation of L_rec; T = 4
    logits          mean (z - z')^2
    blocks          c * mean over b of  mean (f_b - f'_b)^2 / mean f'_b^2
    blocks-mse      sum over b of mean (f_b - f'_b)^2, plus `logits`: the released run script's choice
    blocks+logits   the sum of `blocks` and `logits`
    blocks+soft     the sum of `blocks` and, at a temperature of the teacher's own, T = h s with s the deviation of z',
                    w * 2 h^2 / B  sum over images  KL(softmax(z' / T) || softmax(z / T));    h = `softness`
    base-decayed    T^2 / B  sum over images  KL(softmax(z' / T) || exp(log softmax(z) / tau)),  tau = 8 * 0.99^epoch:
                    the student's log-probabilities are divided after the softmax, a change of the logarithm's base
                    (UniPTS, Xie et al., CVPR 2024)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from fcpts_core.reconstruction.settings import Settings


@dataclass(frozen=True, eq=False)
class View:
    """What one network says about a batch: `logits` `[B, C]` and the outputs of its blocks, network order.

    Of maps and boxes the task makes rows of logits (see `fcpts_core.tasks`), `B` then counts those. Blocks may be in
    bfloat16: what is made of them is in float32. Those of the teacher may be written over by the loss where nobody
    else needs them (`spent`).
    """

    logits: Tensor
    blocks: Sequence[Tensor]
    spent: bool = False


def kl(student: View, teacher: View, settings: Settings, epoch: float = 0.0) -> Tensor:
    temperature = settings.temperature
    said = F.log_softmax(student.logits / temperature, dim=1)
    meant = F.log_softmax(teacher.logits / temperature, dim=1)
    return temperature**2 * F.kl_div(said, meant, reduction="batchmean", log_target=True)


def logits(student: View, teacher: View, settings: Settings, epoch: float = 0.0) -> Tensor:
    return F.mse_loss(student.logits, teacher.logits)


def blocks(student: View, teacher: View, settings: Settings, epoch: float = 0.0) -> Tensor:
    """0 for a network without blocks."""
    pairs = zip(student.blocks, teacher.blocks, strict=True)
    parts = [relative_error(mine, theirs, teacher.spent) for mine, theirs in pairs]
    return settings.block_weight * _mean(parts, student.logits)


def blocks_mse(student: View, teacher: View, settings: Settings, epoch: float = 0.0) -> Tensor:
    pairs = zip(student.blocks, teacher.blocks, strict=True)
    parts = [mean_square_error(mine, theirs, teacher.spent) for mine, theirs in pairs]
    return len(parts) * _mean(parts, student.logits) + logits(student, teacher, settings, epoch)


def blocks_and_logits(student: View, teacher: View, settings: Settings, epoch: float = 0.0) -> Tensor:
    return blocks(student, teacher, settings, epoch) + logits(student, teacher, settings, epoch)


def blocks_and_soft(student: View, teacher: View, settings: Settings, epoch: float = 0.0) -> Tensor:
    return blocks(student, teacher, settings, epoch) + settings.soft_weight * softened(student, teacher, settings)


def softened(student: View, teacher: View, settings: Settings) -> Tensor:
    """`2 h^2 KL` of the classes at the temperature `h s`: the same whatever the scale of the logits.

    For large `h` it is `mean (z - z')^2 / s^2` of logits less their mean in each row, a relative error as those of the
    blocks are; a finite `h` weighs the classes that the teacher believes in more. Rows of one number are no classes and
    have that relative error itself.
    """
    deviation = _power(teacher.logits - teacher.logits.mean()).sqrt()
    if teacher.logits.shape[1] == 1:
        return F.mse_loss(student.logits, teacher.logits) / deviation.square()
    temperature = settings.softness * deviation
    said, meant = (F.log_softmax(view.logits / temperature, dim=1) for view in (student, teacher))
    return 2 * settings.softness**2 * F.kl_div(said, meant, reduction="batchmean", log_target=True)


def base_decayed(student: View, teacher: View, settings: Settings, epoch: float = 0.0) -> Tensor:
    tau = 8 * 0.99**epoch
    said = F.log_softmax(student.logits, dim=1) / tau
    meant = F.log_softmax(teacher.logits / settings.temperature, dim=1)
    return settings.temperature**2 * F.kl_div(said, meant, reduction="batchmean", log_target=True)


def relative_error(said: Tensor, meant: Tensor, spent: bool = False) -> Tensor:
    """`mean (f - f')^2 / mean f'^2`; where `f'` is nothing but zeros, without normalising."""
    power = _power(meant)
    return mean_square_error(said, meant, spent) / power


def mean_square_error(said: Tensor, meant: Tensor, spent: bool = False) -> Tensor:
    """`mean (f - f')^2` and its gradient for `f`, to the same bits as `mse_loss`.

    Outputs of blocks are the largest tensors there are, and here all other activations wait for the backward pass: so
    the two are kept as they are, in bfloat16 too, and there is never more than one other tensor of their size. A
    `meant` that is `spent` becomes the difference and then the gradient, and no other tensor is left behind.
    """
    alike = said.dtype == meant.dtype == _full(said.dtype) and said.stride() == meant.stride() and _dense(meant)
    over = spent and alike and not meant.requires_grad
    error: Tensor = (_OverMeant if over else _MeanSquareError).apply(said, meant)  # type: ignore[no-untyped-call]
    return error


class _MeanSquareError(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, said: Tensor, meant: Tensor) -> Tensor:
        ctx.save_for_backward(said, meant)
        return _copied(said).sub_(meant).square_().mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        said, meant = ctx.saved_tensors
        return _copied(said).sub_(meant).mul_(2 / said.numel()).mul_(grad).to(said.dtype), None


class _OverMeant(torch.autograd.Function):
    """The same; a second backward pass is refused by autograd, since it finds the difference changed."""

    @staticmethod
    def forward(ctx: Any, said: Tensor, meant: Tensor) -> Tensor:
        difference = torch.sub(said, meant, out=meant)
        ctx.save_for_backward(difference)
        return difference.square().mean()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (difference,) = ctx.saved_tensors
        return difference.mul_(2 / difference.numel()).mul_(grad), None


def _copied(values: Tensor) -> Tensor:
    """A copy to calculate with in place."""
    return values.to(_full(values.dtype), copy=True)


def _full(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)


def _dense(values: Tensor) -> bool:
    """Whether each number has a place of its own: where an axis is expanded, nothing can be written over."""
    return values.is_contiguous() or values.is_contiguous(memory_format=torch.channels_last)


def _power(output: Tensor) -> Tensor:
    """Mean square, 1 where that is nothing."""
    power = _copied(output).square_().mean()
    return power.where(power > torch.finfo(power.dtype).tiny, torch.ones_like(power))


def _mean(parts: Sequence[Tensor], like: Tensor) -> Tensor:
    return torch.stack(list(parts)).mean() if parts else like.new_zeros(())


class Objective(Protocol):
    """How far the student is from the teacher; `epoch` is how many times all images have been seen so far."""

    def __call__(self, student: View, teacher: View, settings: Settings, epoch: float = 0.0) -> Tensor: ...


OBJECTIVES: dict[str, Objective] = {
    "kl": kl,
    "logits": logits,
    "blocks": blocks,
    "blocks-mse": blocks_mse,
    "blocks+logits": blocks_and_logits,
    "blocks+soft": blocks_and_soft,
    "base-decayed": base_decayed,
}


def absolute(sparsity: Tensor, target: float) -> Tensor:
    """`L_c = |R - R*|`; its slope is 0 at the target itself."""
    return (sparsity - target).abs()


def squared(sparsity: Tensor, target: float) -> Tensor:
    """`L_c = (R - R*)^2`."""
    return (sparsity - target).square()


CONTROLS: dict[str, Callable[[Tensor, float], Tensor]] = {"absolute": absolute, "squared": squared}
