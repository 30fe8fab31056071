"""The named methods: a starting allocation and the settings of the reconstruction that follows."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fcpts_core.errors import InputError
from fcpts_core.reconstruction.settings import Settings


@dataclass(frozen=True)
class Method:
    """`allocation` is a key of `ALLOCATIONS`: where the thresholds start, and where they stay if `steps` is 0."""

    name: str
    title: str
    description: str
    allocation: str
    settings: Settings

    @property
    def learns(self) -> bool:
        return self.settings.steps > 0


_ONE_SHOT = Settings(steps=0)

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            "fcpts",
            "FCPTS",
            "Thresholds and weights of all layers learn together; the task loss reaches the thresholds through the "
            "density, each layer at the price of a zero.",
            "uniform",
            Settings(),
        ),
        Method(
            "fcpts-released",
            "FCPTS as released",
            "What the public code does: the allocation starts at ERK and only the control loss moves it, norms in "
            "training mode in both networks, nothing recalibrated.",
            "erk",
            Settings(
                steps=1600,
                learning_rate=0.01,
                threshold_rate=0.01,
                nesterov=False,
                weight_decay=3e-4,
                warmup=0.01,
                ramp=0.0,
                clip=1e9,
                objective="kl",
                estimator="none",
                threshold_gradient="plain",
                threshold_map="sigmoid",
                density="histogram",
                teacher_norms="train",
                border="black",
                recalibrate=False,
            ),
        ),
        Method(
            "uniform",
            "Uniform",
            "The smallest weights of every layer go, the same share everywhere; norms recalibrated, nothing learned.",
            "uniform",
            _ONE_SHOT,
        ),
        Method(
            "erk",
            "ERK",
            "The smallest weights go, large layers give more (Erdos-Renyi-Kernel); norms recalibrated, nothing "
            "learned.",
            "erk",
            _ONE_SHOT,
        ),
        Method(
            "global-magnitude",
            "Global magnitude",
            "The smallest weights of the whole network go, one threshold for all layers; norms recalibrated, nothing "
            "learned.",
            "global-magnitude",
            _ONE_SHOT,
        ),
    )
}


def method(name: str) -> Method:
    """The method of that name; an unknown name is an InputError with all the names."""
    if name not in METHODS:
        close = difflib.get_close_matches(name, METHODS, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise InputError(f"There is no method {name!r}: expected one of {', '.join(METHODS)}.{hint}")
    return METHODS[name]


def settings_for(name: str, overrides: Mapping[str, Any]) -> Settings:
    """The settings of the named method with some changed.

    A method that learns nothing has no steps to set: asking for some is an InputError.
    """
    chosen = method(name)
    settings = chosen.settings.changed(overrides)
    if settings.steps > 0 and not chosen.learns:
        learning = ", ".join(other.name for other in METHODS.values() if other.learns)
        raise InputError(
            f"{name} learns nothing, so it takes 0 steps, not {settings.steps}: leave the steps out, or choose a "
            f"method that learns ({learning})."
        )
    return settings
