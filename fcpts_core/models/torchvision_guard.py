"""Imports torchvision beside any torch of the same version.

A torchvision wheel carries compiled operators built for one kind of torch; the pinned wheel's are built for CUDA, so
beside a CPU torch their library does not load. torchvision goes on without it, but still attaches shape functions to
two of the operators while it is imported, and dies with "operator torchvision::nms does not exist". It is enough to
declare these two beforehand: models and transforms need no compiled operator, and calling one still raises
torchvision's own explanation.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import PathFinder
from importlib.util import find_spec
from threading import Lock
from types import ModuleType

import torch

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)

_lock = Lock()
_declared: list[torch.library.Library] = []  # the schemas live as long as this object


def import_torchvision() -> ModuleType:
    """torchvision itself; safe to call again and from any thread. Raises ModuleNotFoundError if it is not installed."""
    with _lock:
        if "torchvision" not in sys.modules and not _declared and not operators_load():
            declare_operators()
        return importlib.import_module("torchvision")


def operators_load() -> bool:
    """Whether torchvision's compiled operators can be loaded into this process; they are, if so."""
    package = find_spec("torchvision")
    folders = package.submodule_search_locations if package else None
    library = PathFinder.find_spec("torchvision._C", folders or [])
    if library is None or library.origin is None:
        return False
    try:
        torch.ops.load_library(library.origin)
    except OSError:
        return False
    return True


def declare_operators() -> None:
    """Gives the operators that torchvision presumes their schemas, without an implementation."""
    fragment = torch.library.Library("torchvision", "FRAGMENT")
    for schema in SCHEMAS:
        fragment.define(schema)
    _declared.append(fragment)
