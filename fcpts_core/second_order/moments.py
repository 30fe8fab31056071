"""Second moments of a layer's inputs: all that least squares needs to know of the images.

    H = A'A / rows,   C = A'B / rows          `[groups, d, d]`

`A` are the inputs that the layer gets in the sparse model, `B` those in the dense one, in rows. Of a layer that may add
a constant to its outputs the moments are `centred`, since the constant takes care of the means `a`, `b` `[groups, d]`:

    H = A'A / rows - a a',   C = A'B / rows - a b'
"""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor


@dataclass(eq=False)
class Moments:
    """Running means in double precision; `add` batches, then read `H`, `C` and `means`."""

    centred: bool = False
    count: int = 0
    _sums: tuple[Tensor, ...] | None = field(default=None, repr=False)

    def add(self, student: Tensor, teacher: Tensor) -> None:
        """One more batch of rows, both `[groups, rows, d]`."""
        across = student.transpose(1, 2)
        parts = (across @ student, across @ teacher, student.sum(dim=1), teacher.sum(dim=1))
        if self._sums is None:
            self._sums = tuple(part.double() for part in parts)
        else:
            for total, part in zip(self._sums, parts, strict=True):
                total += part
        self.count += student.shape[1]

    def __add__(self, other: Moments) -> Moments:
        """Those of the rows of both."""
        if self._sums is None or other._sums is None:
            return self if other._sums is None else other
        sums = tuple(mine + theirs for mine, theirs in zip(self._sums, other._sums, strict=True))
        return Moments(self.centred, self.count + other.count, sums)

    @property
    def H(self) -> Tensor:  # noqa: N802 - the literature's letter
        H, _, a, _ = self._all()
        return H - a.unsqueeze(2) * a.unsqueeze(1) if self.centred else H

    @property
    def C(self) -> Tensor:  # noqa: N802
        _, C, a, b = self._all()
        return C - a.unsqueeze(2) * b.unsqueeze(1) if self.centred else C

    @property
    def means(self) -> tuple[Tensor, Tensor] | None:
        """`a` and `b` `[groups, d]`; None where they are the business of the weights."""
        _, _, a, b = self._all()
        return (a, b) if self.centred else None

    def _all(self) -> tuple[Tensor, ...]:
        if self._sums is None:
            raise ValueError("No rows have been added yet.")
        return tuple(total / self.count for total in self._sums)
