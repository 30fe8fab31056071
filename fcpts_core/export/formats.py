"""All formats in which a finished run can leave, by name; each content was read back and compared before."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from fcpts_core.engine.artifacts import allocation_table, model_file
from fcpts_core.errors import InputError, RunError
from fcpts_core.export.source import Source


@dataclass(frozen=True)
class Format:
    """`build` gives the content of the file `file`; `mime` is what a browser calls it."""

    name: str
    title: str
    description: str
    file: str
    mime: str
    build: Callable[[Source], bytes]


def _safetensors(source: Source) -> bytes:
    from safetensors.torch import load

    content = model_file(source.tensors)
    back = load(content)
    if back.keys() != source.tensors.keys() or not all(
        torch.equal(back[name].reshape(-1).view(torch.uint8), tensor.contiguous().reshape(-1).view(torch.uint8))
        for name, tensor in source.tensors.items()
    ):
        raise RunError("The file does not give the tensors back as they were: nothing was written, report this.")
    return content


def _bitmask(source: Source) -> bytes:
    from fcpts_core.export.bitmask import bitmask_file

    return bitmask_file(source.tensors)


def _onnx(source: Source) -> bytes:
    from fcpts_core.export.onnx_file import onnx_file

    return onnx_file(source)


def _csv(source: Source) -> bytes:
    content = allocation_table(source.result)
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    _same([int(row["zeros"]) for row in rows], source)
    return content


def _json(source: Source) -> bytes:
    content = json.dumps([asdict(row) for row in source.result.layers], indent=1).encode() + b"\n"
    _same([int(row["zeros"]) for row in json.loads(content)], source)
    return content


def _recipe(source: Source) -> bytes:
    from fcpts_core.export.recipe import read_recipe, recipe_text

    text = recipe_text(source.config, source.threads)
    with TemporaryDirectory(prefix="fcpts-") as folder:
        path = Path(folder) / "recipe.toml"
        path.write_text(text, encoding="utf-8")
        back = read_recipe(path)
    if recipe_text(back.config, back.threads) != text:
        raise RunError("The recipe does not say what was run: nothing was written, report this.")
    return text.encode()


def _record(source: Source) -> bytes:
    from fcpts_core.engine.artifacts import run_record

    content = run_record(source.config, source.result, source.threads)
    if json.loads(content)["result"]["zeros"] != source.result.zeros:
        raise RunError("The record does not say the figures of the run: nothing was written, report this.")
    return content


def _report(source: Source) -> bytes:
    from fcpts_core.export.report import report

    return report(source)


def _snippet(source: Source) -> bytes:
    from fcpts_core.export.snippet import snippet

    return snippet(source)


def _same(zeros: list[int], source: Source) -> None:
    if zeros != [layer.weights - int(layer.weight.count_nonzero()) for layer in source.layers]:
        raise RunError("The table does not say the zeros of the model: nothing was written, report this.")


FORMATS: dict[str, Format] = {
    entry.name: entry
    for entry in (
        Format(
            "safetensors",
            "Weights",
            "Dense tensors with exact zeros.",
            "model.safetensors",
            "application/octet-stream",
            _safetensors,
        ),
        Format(
            "bitmask",
            "Packed weights",
            "One bit a weight and the weights that are left.",
            "model.bitmask.safetensors",
            "application/octet-stream",
            _bitmask,
        ),
        Format(
            "onnx",
            "ONNX",
            "The network for any engine, run by onnxruntime before.",
            "model.onnx",
            "application/octet-stream",
            _onnx,
        ),
        Format("csv", "Allocation, CSV", "One row a layer.", "allocation.csv", "text/csv", _csv),
        Format("json", "Allocation, JSON", "One object a layer.", "allocation.json", "application/json", _json),
        Format(
            "recipe",
            "Recipe",
            "The same run again: fcpts run recipe.toml.",
            "recipe.toml",
            "application/toml",
            _recipe,
        ),
        Format(
            "report",
            "Report",
            "Figures, charts and settings on one page that opens without a network.",
            "report.html",
            "text/html",
            _report,
        ),
        Format("record", "Record, JSON", "Settings, figures, versions.", "run.json", "application/json", _record),
        Format(
            "snippet",
            "Python",
            "A few lines that load the weights.",
            "load_model.py",
            "text/x-python",
            _snippet,
        ),
    )
}


def export(source: Source, name: str) -> bytes:
    """The content of the named format."""
    if name not in FORMATS:
        raise InputError(f"There is no format {name!r}: expected one of {', '.join(FORMATS)}.")
    return FORMATS[name].build(source)
