"""Networks without memory for their weights: shapes and structure, for counting and for looking at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

MAKERS = (torch.empty, torch.zeros, torch.ones)


class without_memory(TorchFunctionMode):  # noqa: N801 - it is used as a context
    """While it is open, what `torch.empty`, `zeros` and `ones` make has a shape and nothing in it.

    Unlike under `torch.device("meta")` small tensors that constructors calculate with are real.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        if func in MAKERS and options.get("device") is None:
            options["device"] = "meta"
        return func(*args, **options)
