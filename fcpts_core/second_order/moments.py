"""Second moments of a layer's inputs: all that least squares needs to know of the images.

    H = A'A / rows,   C = A'B / rows          `[groups, d, d]`

`A` are the inputs that the layer gets in the sparse model, `B` those in the dense one, in rows. Of a layer that may add
a constant to its outputs the moments are `centred`, since the constant takes care of the means `a`, `b` `[groups, d]`:

    H = A'A / rows - a a',   C = A'B / rows - a b'

Parts are put together by their own means and the distance between these (Chan, Golub and LeVeque, 1979), since the
difference above has nothing left of single precision where means are large and deviations small.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Sums:
    """Of so many rows: `A'A`, `A'B` (less the means, if they are centred), and `a`, `b`, zero if they are not."""

    count: int
    own: Tensor
    cross: Tensor
    a: Tensor
    b: Tensor

    @classmethod
    def of(cls, student: Tensor, teacher: Tensor, centred: bool) -> Sums:
        a, b = student.mean(dim=1), teacher.mean(dim=1)
        if not centred:
            a, b = torch.zeros_like(a), torch.zeros_like(b)
        student, teacher = student - a.unsqueeze(1), teacher - b.unsqueeze(1)
        across = student.transpose(1, 2)
        return cls(student.shape[1], (across @ student).double(), (across @ teacher).double(), a.double(), b.double())

    def __add__(self, other: Sums) -> Sums:
        count = self.count + other.count
        a, b = other.a - self.a, other.b - self.b
        between, share = a.unsqueeze(2) * (self.count * other.count / count), other.count / count
        return Sums(
            count,
            self.own + other.own + between * a.unsqueeze(1),
            self.cross + other.cross + between * b.unsqueeze(1),
            self.a + share * a,
            self.b + share * b,
        )


@dataclass(eq=False)
class Moments:
    """Means in double precision; `add` batches, then read `H`, `C` and `means`."""

    centred: bool = False
    _sums: Sums | None = field(default=None, repr=False)

    def add(self, student: Tensor, teacher: Tensor) -> None:
        """One more batch of rows, both `[groups, rows, d]`."""
        part = Sums.of(student, teacher, self.centred)
        self._sums = part if self._sums is None else self._sums + part

    def __add__(self, other: Moments) -> Moments:
        """Those of the rows of both."""
        if self._sums is None or other._sums is None:
            return self if other._sums is None else other
        return Moments(self.centred, self._sums + other._sums)

    def alone(self) -> Moments:
        """Those of the sparse model's inputs, taken for those of the dense one as well."""
        sums = self._sums
        return Moments(self.centred, sums and Sums(sums.count, sums.own, sums.own, sums.a, sums.a))

    @property
    def count(self) -> int:
        return 0 if self._sums is None else self._sums.count

    @property
    def H(self) -> Tensor:  # noqa: N802 - the literature's letter
        return self._seen().own / self.count

    @property
    def C(self) -> Tensor:  # noqa: N802
        return self._seen().cross / self.count

    @property
    def means(self) -> tuple[Tensor, Tensor] | None:
        """`a` and `b` `[groups, d]`; None where they are the business of the weights."""
        return (self._seen().a, self._seen().b) if self.centred else None

    def _seen(self) -> Sums:
        if self._sums is None:
            raise ValueError("No rows have been added yet.")
        return self._sums
