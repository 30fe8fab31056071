"""In which numbers a learning loop computes: float32, or bfloat16 where both networks' passes lose nothing by it.

Weights, gradients, losses and optimizers stay in float32 (automatic mixed precision); only convolutions and matrix
products are done in bfloat16, about twice as fast where the processor has instructions for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device itself computes in bfloat16: one that only imitates it is slower than in float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        # No public question of torch tells real instructions from imitated ones.
        return any(
            bool(getattr(torch.cpu, name, bool)()) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        )
    return False


def precision_of(wish: str, device: torch.device) -> torch.dtype:
    """The numbers that the setting `precision` means on this device; `auto` is bfloat16 where the device has it."""
    if wish == "auto":
        return torch.bfloat16 if has_bfloat16(device) else torch.float32
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[wish]


@contextmanager
def computing(dtype: torch.dtype, device: torch.device) -> Iterator[None]:
    """Forward passes in the body are computed in `dtype`."""
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        yield
