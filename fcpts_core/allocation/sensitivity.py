"""What each layer costs alone: its error at some numbers of zeros, and between them.

Errors grow by about the same factor from one percent of zeros to the next, so between two measured points the logarithm
of the error is a straight line (the error itself where one end costs nothing). A straight line of the error would have
a corner at every point, and the cheapest allocation would lie in the corners.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcpts_core.errors import InputError

GRID = (0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 1.0)
"""The sparsities at which layers are measured, close together where errors grow fast."""


@dataclass(frozen=True)
class Sensitivity:
    """Errors of `L` layers, `errors[l][g]` at `zeros[l][g]` zeros of its `sizes[l]` weights.

    Every row of `zeros` rises, from the zeros that the layer has already to the most that it may have. `error` says
    what was measured, as the setting `sensitivity_error` does.
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    zeros: tuple[tuple[int, ...], ...]
    errors: tuple[tuple[float, ...], ...]
    error: str = "logits"

    def __post_init__(self) -> None:
        if not len(self.names) == len(self.sizes) == len(self.zeros) == len(self.errors) > 0:
            raise InputError("A table of sensitivities needs a name, a size, zeros and errors for every layer.")
        for name, size, zeros, errors in zip(self.names, self.sizes, self.zeros, self.errors, strict=True):
            rising = all(before < after for before, after in pairwise(zeros))
            if not (rising and len(zeros) == len(errors) > 0 and 0 <= zeros[0] <= zeros[-1] <= size):
                raise InputError(
                    f"The sensitivities of {name} are at {list(zeros)} zeros of {size} weights, with {len(errors)} "
                    f"errors: expected rising numbers from 0 to {size}, and one error for each."
                )
            if not all(math.isfinite(error) and error >= 0 for error in errors):
                raise InputError(
                    f"The sensitivities of {name} are {list(errors)}: expected finite numbers of at least 0."
                )

    def error_at(self, layer: int, zeros: NDArray[np.int64]) -> NDArray[np.float64]:
        """The error of one layer at these numbers of zeros, `[K]`; beyond either end, that of the end."""
        points, errors = np.array(self.zeros[layer]), np.array(self.errors[layer])
        straight = np.interp(zeros, points, errors)
        after = np.searchsorted(points, zeros).clip(0, len(points) - 1)
        inside = (errors[after] > 0) & (errors[(after - 1).clip(0)] > 0)
        logs = np.log(np.maximum(errors, np.finfo(np.float64).tiny))
        found: NDArray[np.float64] = np.where(inside, np.exp(np.interp(zeros, points, logs)), straight)
        return found

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Sensitivity:
        """Inverse of `to_json`; whatever is no such table is an InputError."""
        try:
            return cls(
                names=tuple(str(name) for name in data["names"]),
                sizes=tuple(int(size) for size in data["sizes"]),
                zeros=tuple(tuple(int(count) for count in row) for row in data["zeros"]),
                errors=tuple(tuple(float(error) for error in row) for row in data["errors"]),
                error=str(data["error"]),
            )
        except (KeyError, TypeError, ValueError) as problem:
            raise InputError(
                f"This is no table of sensitivities ({problem!r}): expected names, sizes, zeros, errors and error, as "
                f"a table is saved."
            ) from None

    def text(self) -> str:
        """The table as JSON."""
        return json.dumps(self.to_json(), indent=1) + "\n"

    def save(self, path: str | Path) -> None:
        """Writes the table as JSON, `sensitivity.json` by custom."""
        Path(path).write_text(self.text(), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Sensitivity:
        """Inverse of `save`; a file that cannot be read is an InputError."""
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            raise InputError(f"{path} cannot be read as a table of sensitivities: {problem}.") from None
        if not isinstance(data, dict):
            raise InputError(f"{path} is no table of sensitivities: expected a JSON object.")
        return cls.from_json(data)


def grid_of(size: int, floor: int, ceiling: int) -> tuple[int, ...]:
    """The numbers of zeros at which a layer of `size` weights is measured: both bounds, and `GRID` between them."""
    inside = {round(share * size) for share in GRID}
    return tuple(sorted({floor, ceiling} | {count for count in inside if floor < count < ceiling}))
