"""A few lines of Python that load the sparse model; they were run before they are offered."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch

from fcpts_core.engine.artifacts import model_file
from fcpts_core.errors import RunError
from fcpts_core.export.source import Source
from fcpts_core.models.cards import card

FILE = "model.safetensors"


def snippet(source: Source) -> bytes:
    """The program; `model.safetensors` lies beside it."""
    transform = card(source.config.model).transform
    result = source.result
    title = f"{source.config.model}, {result.zeros:,} of {result.weights:,} weights are zero ({source.config.method})."
    text = f'''"""{title}"""

from safetensors.torch import load_file

from fcpts_core.models.cards import card

# The file beside this one, as `fcpts export ... --format safetensors` writes it; for a bitmask file,
# `load_bitmask` of fcpts_core/export/load_bitmask.py (a file of its own) gives the same tensors.
state = load_file("{FILE}")
network = card("{source.config.model}").build(state)
network.load_state_dict(state)
network.eval()

# Images go in as [N, C, H, W] = {list(("N", *source.input_shape))}, pixels from 0 to 1, normalised by
MEAN, STD = {_rounded(transform.mean)}, {_rounded(transform.std)}

# To train on without losing a zero:
#     import fcpts_core
#     with fcpts_core.apply_mask(network, state):
#         train(network)
'''.replace("'N'", "N")
    _verify(text, source)
    return text.encode()


def _rounded(numbers: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(round(number, 6) for number in numbers)


def _verify(text: str, source: Source) -> None:
    """Runs the program, its file somewhere else."""
    with tempfile.TemporaryDirectory(prefix="fcpts-") as folder:
        path = Path(folder) / FILE
        path.write_bytes(model_file(source.tensors))
        names: dict[str, Any] = {}
        exec(compile(text.replace(f'"{FILE}"', repr(str(path))), "snippet", "exec"), names)
        images = source.images(2)
        with torch.no_grad():
            if not torch.equal(names["network"](images), source.network(images)):
                raise RunError("The program does not load the model as it is: nothing was written, report this.")
