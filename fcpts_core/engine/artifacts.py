"""The files of a finished run: exactly sparse weights, the allocation, what was asked and achieved, every event."""

from __future__ import annotations

import csv
import io
import json
import os
import platform
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import LayerResult, Result
from fcpts_core.errors import InputError
from fcpts_core.export.recipe import recipe_text

if TYPE_CHECKING:
    from torch import Tensor


SENSED = b'{"event":"sensed"'


def build(
    config: RunConfig, result: Result, state_dict: Mapping[str, Tensor], events: bytes, threads: int
) -> dict[str, bytes]:
    """The content of each file by its name; `events` are the lines of `events.jsonl`."""
    return {
        "model.safetensors": model_file(state_dict),
        "allocation.csv": allocation_table(result),
        "run.json": run_record(config, result, threads),
        "recipe.toml": recipe_text(config, threads).encode(),
        "events.jsonl": events,
        **sensitivity_table(events),
    }


def model_file(state_dict: Mapping[str, Tensor]) -> bytes:
    """Dense tensors with exact zeros; the same tensors give the same bytes.

    safetensors writes several metadata entries in random order, hence only the one that readers ask for.
    """
    import torch
    from safetensors.torch import save

    tensors = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in state_dict.items()
    }
    return save(tensors, metadata={"format": "pt"})


def allocation_table(result: Result) -> bytes:
    """One row a layer in network order, shapes written as `16x3x3x3`."""
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow([field.name for field in fields(LayerResult)])
    for layer in result.layers:
        shape = "x".join(map(str, layer.shape))
        table.writerow([layer.name, shape, layer.weights, layer.zeros, layer.sparsity, layer.threshold])
    return text.getvalue().encode()


def sensitivity_table(events: bytes) -> dict[str, bytes]:
    """`sensitivity.json`, for `fcpts run --sensitivities`, where the run has measured one; else nothing."""
    from fcpts_core.allocation.sensitivity import Sensitivity

    lines = [line for line in events.splitlines() if line.startswith(SENSED)]
    return {"sensitivity.json": Sensitivity.from_json(json.loads(lines[-1])).text().encode()} if lines else {}


def run_record(config: RunConfig, result: Result, threads: int) -> bytes:
    """What was asked for, what came out, and on what it ran."""
    record = {
        "config": config.to_json(),
        "result": asdict(result),
        "torch_threads": threads,
        "versions": {"python": platform.python_version()}
        | {package: _version(package) for package in ("fcpts-playground", "torch", "numpy")},
    }
    return (json.dumps(record, indent=2) + "\n").encode()


def ensure_writable(directory: str | Path) -> Path:
    """Makes the directory if need be and tries a file in it; raises InputError where that fails."""
    directory = Path(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            return directory
    except OSError as error:
        raise InputError(
            f"The output directory {directory} cannot be written to ({error.strerror or error}): "
            "name a directory in which you may create files."
        ) from error


def write(directory: str | Path, files: Mapping[str, bytes]) -> None:
    """Puts the files into the directory; each appears whole or not at all."""
    directory = ensure_writable(directory)
    for name, content in files.items():
        handle, temporary = tempfile.mkstemp(dir=directory, prefix=f".{name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, directory / name)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _version(package: str) -> Any:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
