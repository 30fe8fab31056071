"""What forward and backward passes gain by how numbers lie in memory, beside the plain way in the same run.

`python -m tests.bench.bench_passes`. Random weights and images, one thread; the best of a few runs counts, since the
machine may be busy with other things.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fcpts_core.models.attention import attend
from fcpts_core.models.cards import load_model
from fcpts_core.reconstruction.precision import computing, has_bfloat16
from fcpts_core.second_order.patches import rows
from tests.bench.bench_density import best_of

RUNS = 3
POSITIONS = 64


def beside(what: str, seconds: float, reference: float, name: str) -> None:
    print(f"{what:<64} {seconds * 1e3:>9,.1f} ms   {name}: {reference * 1e3:,.1f} ms")


def unfolded(module: nn.Conv2d, inputs: Tensor) -> Tensor:
    """The rows of all positions, some of which are chosen then."""
    assert not isinstance(module.padding, str)
    patches = F.unfold(inputs, module.kernel_size, module.dilation, module.padding, module.stride)
    chosen = torch.randperm(patches.shape[2], generator=torch.Generator().manual_seed(0))[:POSITIONS]
    return patches.index_select(2, chosen).transpose(1, 2).flatten(0, 1)


def windows(channels: int, size: int, count: int) -> None:
    module, inputs = nn.Conv2d(channels, channels, 3, padding=1), torch.randn(count, channels, size, size)
    ours = best_of(RUNS, lambda: rows(module, inputs, POSITIONS, torch.Generator().manual_seed(0)))
    text = f"{POSITIONS} windows of {count} images, {channels} x {size} x {size}"
    beside(text, ours, best_of(RUNS, lambda: unfolded(module, inputs)), "unfold, then choose")


def passes(name: str, count: int) -> None:
    loaded = load_model(name, random=0)
    network, images = loaded.module.eval(), torch.randn(count, *loaded.input_shape)

    def answer(batch: Tensor) -> None:
        with torch.no_grad():
            network(batch)

    innermost = images.contiguous(memory_format=torch.channels_last)
    ours, plain = (best_of(RUNS, partial(answer, batch)) for batch in (innermost, images))
    beside(f"{name} answers to {count} images, channels innermost", ours, plain, "channel by channel")


def attention(tokens: int) -> None:
    q, k, v = (torch.randn(64, 4, tokens, 32, requires_grad=True) for _ in range(3))

    def learn(attending: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
        with computing(torch.bfloat16, q.device):
            attending(q.bfloat16(), k.bfloat16(), v.bfloat16()).float().sum().backward()

    ours, theirs = (best_of(RUNS, partial(learn, way)) for way in (attend, F.scaled_dot_product_attention))
    beside(f"attention of {tokens} tokens in bfloat16 and its gradient", ours, theirs, "PyTorch's own kernel")


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    windows(16, 32, 64)
    windows(64, 8, 64)
    windows(64, 56, 16)
    passes("cifar-resnet20", 64)
    passes("mobilenet-v1-075", 8)
    passes("mobilenet-v2", 8)
    if has_bfloat16(torch.device("cpu")):
        attention(65)
    else:
        print("This processor has no bfloat16, so nothing is computed in it.")


if __name__ == "__main__":
    main()
