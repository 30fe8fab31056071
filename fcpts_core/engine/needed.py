"""The memory that learning needs, counted before it begins, so that a run which cannot fit is refused with a reason.

    learning = batch * (activations of one image) * 1.6 + 4 * weights * (gradient + optimizer + curvature)

beside what is resident already; a second-order start has all images under way at once, as far as its limit allows, and
some squares of the inputs of the layer that it solves.
Activations are the outputs of all modules without children, kept for the backward pass; 0.6 times as much is for
their gradients, for what operators keep beside them, and for holes between blocks (see `memory.keep_freed`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fcpts_core.allocation.priced import SOLVED_ON
from fcpts_core.data.room import require_room
from fcpts_core.measure import memory
from fcpts_core.measure.accuracy import batch_for, eval_mode
from fcpts_core.problem import Problem
from fcpts_core.reconstruction.norms import norm_layers, together
from fcpts_core.reconstruction.registry import gets_norms
from fcpts_core.second_order.patches import weight_rows
from fcpts_core.second_order.start import AT_ONCE, MOST_NUMBERS

EXTRA = 1.6
RENORMED = 1.5
"""Times the activations of a network without norms, while it has some (see `reconstruction.unfolding`)."""

SQUARES = 16
"""Matrices of a layer's inputs by its inputs, in double precision, when it is solved: moments of both halves and of all
images, their damped sum, and what its decomposition takes."""

COPIES = {"adam": 4, "sgd": 3}
"""Tensors as large as the weights beside these: gradient, state of the optimizer, curvature."""


def activation_bytes(network: nn.Module, image: Tensor) -> tuple[int, int]:
    """Bytes of the outputs of the modules without children for `image` `[1, C, H, W]`: of all, of the largest."""
    sizes = [image.numel() * image.element_size()]

    def count(module: nn.Module, args: object, output: object) -> None:
        if isinstance(output, Tensor):
            sizes.append(output.numel() * output.element_size())

    handles = [part.register_forward_hook(count) for part in network.modules() if not list(part.children())]
    try:
        with eval_mode(network), torch.no_grad():
            network(image)
    finally:
        for handle in handles:
            handle.remove()
    return sum(sizes), max(sizes)


def working_bytes(problem: Problem) -> int:
    """What comes on top of the networks and the images: the most that any part of the work takes."""
    return max(_needs(problem))[0]


def _needs(problem: Problem) -> list[tuple[int, str]]:
    """The bytes that each part of the work takes, and what makes them less ("" where nothing but the model does)."""
    settings, images = problem.settings, problem.images
    one, largest = _activations(problem)
    needs = [(min(batch_for(images), len(images)) * largest * 4, "")]
    renormed = gets_norms(problem)
    if settings.recalibrate and (norm_layers(problem.teacher) or renormed):
        needs.append((min(together(images), len(images)) * largest * 3, ""))
    if learned_on := _learned_on(problem):
        weights = sum(parameter.numel() for parameter in problem.student.parameters())
        learning = learned_on * round(one * EXTRA * (RENORMED if renormed else 1))
        needs.append((learning + 4 * weights * COPIES.get(settings.optimizer, 4), _smaller_batch(settings.batch_size)))
    # all images wait at a layer, with its inputs and those of its block, both halves of them; the batch that moves has
    # outputs, and patches, besides
    waiting, moving = (min(2 * _solved_on(problem) * largest, 4 * numbers) for numbers in (MOST_NUMBERS, AT_ONCE))
    squares = SQUARES * _largest_square(problem) if _solved_on(problem) else 0
    remedy = _fewer_images(waiting // (2 * largest)) if waiting > squares else ""
    needs.append((2 * waiting + 4 * moving + squares, remedy))
    return needs


def largest_block(problem: Problem) -> int:
    """Bytes of the largest tensor that the work asks for again and again, one layer's outputs of all images at once."""
    return max(_learned_on(problem), _solved_on(problem)) * _activations(problem)[1]


def _activations(problem: Problem) -> tuple[int, int]:
    return activation_bytes(problem.teacher, problem.images.inputs(torch.arange(1)).to(problem.device))


def _largest_square(problem: Problem) -> int:
    """Bytes of `H` `[groups, d, d]` of the layer that has the largest (see `second_order.moments`)."""
    shapes = [
        weight_rows(layer.module, layer.weight).shape
        for layer in problem.layers
        if isinstance(layer.module, nn.Conv2d | nn.Linear)
    ]
    return max((8 * groups * inputs**2 for groups, _, inputs in shapes), default=0)


def _learned_on(problem: Problem) -> int:
    """Images in a batch that is learned from, 0 where nothing learns."""
    settings = problem.settings
    learns = settings.steps or settings.allocation == "learned"
    return min(settings.batch_size, len(problem.images)) if learns else 0


def _solved_on(problem: Problem) -> int:
    """Images that least squares looks at, 0 where there is none."""
    settings = problem.settings
    if settings.solves:
        return len(problem.images)
    return min(SOLVED_ON, len(problem.images)) if settings.allocation == "priced" else 0


def needed_bytes(problem: Problem) -> int:
    """The most that the process will have resident, by this count."""
    return round(memory.peak_rss_mb() * 2**20) + working_bytes(problem)


def require_memory(problem: Problem) -> None:
    """InputError where the work would not fit into this machine's memory."""
    if problem.device.type != "cpu":
        return
    needed, remedy = max(_needs(problem))
    require_room(needed, "The run", f"choose a smaller model or a smaller crop{remedy}")


def _smaller_batch(size: int) -> str:
    return f", a smaller batch (--set batch_size={max(1, size // 2)})"


def _fewer_images(count: int) -> str:
    return f", fewer calibration images (--calibration-size {max(1, count // 2)})"
