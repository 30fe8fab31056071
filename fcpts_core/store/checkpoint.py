"""Checkpoints as files: a safetensors file with one metadata entry, written whole or not at all, checked when read.

    fcpts-checkpoint    JSON: version, crc32 (of all bytes after the header), strides, values

Tensors come back bit for bit and laid out in memory as they were (`strides`): the order of a sum depends on it.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from fcpts_core.bookmark import Saved
from fcpts_core.errors import InputError
from fcpts_core.store.folder import write_whole

KEY = "fcpts-checkpoint"
VERSION = 1


class DamagedError(InputError):
    """A checkpoint that cannot be used; the message says why."""


def write_checkpoint(path: Path, saved: Saved) -> int:
    """Writes the file and returns its size."""
    tensors = {name: tensor.contiguous() for name, tensor in saved.tensors.items()}
    about = {
        "version": VERSION,
        "crc32": 0,
        "strides": {name: t.stride() for name, t in saved.tensors.items() if not t.is_contiguous()},
        "values": saved.values,
    }
    first = safetensors.torch.save(tensors)
    about["crc32"] = zlib.crc32(memoryview(first)[8 + int.from_bytes(first[:8], "little") :])
    del first
    content = safetensors.torch.save(tensors, {KEY: json.dumps(about)})
    write_whole(path, content)
    return len(content)


def read_checkpoint(path: Path) -> Saved:
    """Inverse of `write_checkpoint`; DamagedError where the file is not what was written."""
    try:
        content = path.read_bytes()
        start = 8 + int.from_bytes(content[:8], "little")
        about: dict[str, Any] = json.loads(json.loads(content[8:start])["__metadata__"][KEY])
        sound = about["version"] == VERSION and zlib.crc32(memoryview(content)[start:]) == about["crc32"]
        if not sound:
            raise ValueError("its checksum or its version does not fit")
        tensors = {name: tensor.clone() for name, tensor in safetensors.torch.load(content).items()}
        laid_out = {name: _strided(tensors[name], stride) for name, stride in about["strides"].items()}
        return Saved(about["values"], {**tensors, **laid_out})
    except Exception as error:  # the reader of safetensors raises its own errors
        raise DamagedError(f"The checkpoint {path} is damaged or cannot be read ({error}).") from None


def _strided(tensor: Tensor, stride: list[int]) -> Tensor:
    return torch.empty_strided(tensor.shape, stride, dtype=tensor.dtype).copy_(tensor)
