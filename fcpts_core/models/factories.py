"""Networks that a user's own code makes: `package.module:function`, from the command line alone.

A name like that runs code, so it is refused until `allow()` has been called, which only the command line does. The
function takes no arguments and returns an `nn.Module` in which its weights are already, unless a file is given too. The
module may say more of itself by attributes: `input_size` (height and width, or one number; 224 without), `mean` and
`std` (one number a channel on the 0..1 scale), `classes`, `task`.
"""

from __future__ import annotations

import importlib
import os
import sys
from functools import lru_cache
from typing import Any

import torch
from torch import nn

from fcpts_core.data.transform import Transform
from fcpts_core.errors import InputError
from fcpts_core.models.attention import split
from fcpts_core.models.card import OWN_LICENCE, ModelCard

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_allowed = False


def allow() -> None:
    """From now on names of functions are imported and called; for programs whose user is at the keyboard."""
    global _allowed
    _allowed = True


def is_path(name: str) -> bool:
    """Whether this is the name of a function, no model's: `package.module:function`."""
    module, colon, function = name.partition(":")
    return bool(colon) and function.isidentifier() and all(part.isidentifier() for part in module.split("."))


@lru_cache(maxsize=4)
def card_of(path: str) -> ModelCard:
    """The card of the network that the function makes. What is wrong with it is an InputError."""
    if not _allowed:
        raise InputError(f"{path!r} names code: a model of your own code runs from the command line alone.")
    network = _made(path)
    size = getattr(network, "input_size", 224)
    mean, std = tuple(getattr(network, "mean", MEAN)), tuple(getattr(network, "std", STD))
    return ModelCard(
        name=path,
        title=path,
        family=type(network).__name__,
        description="A network of your own code.",
        licence=OWN_LICENCE,
        build=lambda state: _made(path),
        transform=Transform(size if isinstance(size, int) else min(size), _pair(size), mean, std),
        flippable=True,
        task=str(getattr(network, "task", "classification")),
        source="own code",
    )


def _made(path: str) -> nn.Module:
    where, _, what = path.partition(":")
    if os.getcwd() not in sys.path:  # as `python -m` does
        sys.path.insert(0, os.getcwd())
    try:
        function = getattr(importlib.import_module(where), what)
    except (ImportError, AttributeError) as error:
        raise InputError(f"{path!r} cannot be imported ({error}): expected package.module:function.") from None
    try:
        made: Any = function()
    except Exception as error:
        raise InputError(
            f"{path!r} fails ({type(error).__name__}: {error}): expected a function without arguments that returns an "
            f"nn.Module."
        ) from error
    if not isinstance(made, nn.Module):
        raise InputError(f"{path!r} returns a {type(made).__name__}: expected an nn.Module.")
    return split(_as_float32(made))


def _as_float32(network: nn.Module) -> nn.Module:
    small = (torch.float16, torch.bfloat16, torch.float64)
    return network.float() if any(p.dtype in small for p in network.parameters()) else network


def _pair(size: Any) -> tuple[int, int]:
    height, width = (size, size) if isinstance(size, int) else size
    return int(height), int(width)
