"""The named methods: an allocation, a reconstruction and the settings that go with the pair."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fcpts_core.allocation.registry import ALLOCATIONS
from fcpts_core.errors import InputError
from fcpts_core.masks.patterns import UNSTRUCTURED
from fcpts_core.reconstruction.registry import RECONSTRUCTIONS
from fcpts_core.reconstruction.settings import Settings


@dataclass(frozen=True)
class Method:
    """`allocation` is a key of `ALLOCATIONS`, `reconstruction` one of `RECONSTRUCTIONS`.

    `usual` are the settings in which the method differs from what is usual for its reconstruction.
    """

    name: str
    title: str
    description: str
    allocation: str
    reconstruction: str
    usual: Mapping[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """All settings of the method as it is named."""
        return _usual(self.allocation, self.reconstruction).changed(self.usual)

    @property
    def learns(self) -> bool:
        return self.settings.steps > 0


PACE = {"steps": 700, "rate_power": 1.0, "precision": "auto"}
"""Of our own methods: gentle steps where little is pruned."""

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            "fcpts",
            "FCPTS",
            "Thresholds and weights of all layers learn together; the task loss reaches the thresholds through the "
            "density, each layer at the price of a zero, while the target rises.",
            "power",
            "fcpts",
            {**PACE, "ramp": 0.7, "keep_floor": 0.65},
        ),
        Method(
            "best",
            "Best",
            "Ours: a copy is asked what one more zero of each layer costs, and prices are evened out; three times on "
            "the way, second-order supports with least squares, layer after layer, and then all weights learn together "
            "and the masks follow them.",
            "priced",
            "net-wise",
            {
                **PACE,
                "layer_norm_rate": 0.2,
                "stages": 3,
                "layer_norm_stages": 1,
                "ramp": 0.43,
                "start": "admm",
                "objective": "blocks+soft",
                "keep_start": True,
            },
        ),
        Method(
            "fcpts-released",
            "FCPTS as released",
            "What the public code does: the allocation starts at ERK and only the control loss moves it, norms in "
            "training mode in both networks, nothing recalibrated.",
            "erk",
            "fcpts",
            {
                "steps": 1600,
                "learning_rate": 0.01,
                "threshold_rate": 0.01,
                "nesterov": False,
                "weight_decay": 3e-4,
                "warmup": 0.01,
                "ramp": 0.0,
                "keep_floor": 0.0,
                "step_bound": 1e9,
                "clip": 1e9,
                "objective": "kl",
                "estimator": "none",
                "threshold_gradient": "plain",
                "threshold_map": "sigmoid",
                "density": "histogram",
                "teacher_norms": "train",
                "border": "black",
                "recalibrate": False,
            },
        ),
        Method(
            "pot",
            "POT",
            "One threshold on each weight over the norm of its layer; weight statistics and biases are repaired, then "
            "each layer learns alone to imitate its dense self.",
            "l2-global",
            "layer-wise",
        ),
        Method(
            "unipts",
            "UniPTS",
            "An evolutionary search for the allocation, by agreement with the dense model; then all weights learn by "
            "the base-decayed objective.",
            "evolutionary",
            "unipts",
        ),
        Method(
            "unipts-labels",
            "UniPTS with labels",
            "As UniPTS, but the search goes by the labels of the calibration images, as in the public code.",
            "evolutionary",
            "unipts",
            {"fitness": "labels"},
        ),
        Method(
            "obc",
            "OBC",
            "The error of each layer alone decides on the allocation, by dynamic programming; supports by the rule of "
            "the Optimal Brain Surgeon, least squares on them, nothing else learned.",
            "sensitivity",
            "second-order",
            {"start": "obs", "sensitivity_error": "layer"},
        ),
        Method(
            "uniform",
            "Uniform",
            "The smallest weights of every layer go, the same share everywhere; norms recalibrated, nothing learned.",
            "uniform",
            "norms",
        ),
        Method(
            "erk",
            "ERK",
            "The smallest weights go, large layers give more (Erdos-Renyi-Kernel); norms recalibrated, nothing "
            "learned.",
            "erk",
            "norms",
        ),
        Method(
            "global-magnitude",
            "Global magnitude",
            "The smallest weights of the whole network go, one threshold for all layers; norms recalibrated, nothing "
            "learned.",
            "global-magnitude",
            "norms",
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
    """The settings of the named method with some changed, its allocation and its reconstruction among them.

    Another allocation or reconstruction brings its own usual settings with it. One that learns nothing has no steps to
    set: asking for some is an InputError.
    """
    chosen = method(name)
    allocation = str(overrides.get("allocation", chosen.allocation))
    reconstruction = str(overrides.get("reconstruction", chosen.reconstruction))
    base = _usual(allocation, reconstruction)
    if reconstruction == chosen.reconstruction:
        base = base.changed(chosen.usual)
    settings = base.changed(overrides)
    if settings.pattern != UNSTRUCTURED.text and settings.reconstruction == "fcpts":
        raise InputError(
            f"pattern is {settings.pattern}: learned thresholds know no patterns, expected {UNSTRUCTURED.text}; or "
            "choose another reconstruction, such as net-wise."
        )
    if settings.given and settings.allocation != "given":
        raise InputError(
            f"given says sparsities of layers, but the allocation is {settings.allocation}: expected the setting "
            "allocation=given, or given left out."
        )
    if settings.steps > 0 and not RECONSTRUCTIONS[settings.reconstruction].learns:
        learning = ", ".join(other.name for other in METHODS.values() if other.learns)
        raise InputError(
            f"{name} learns nothing, so it takes 0 steps, not {settings.steps}: leave the steps out, or choose a "
            f"method that learns ({learning})."
        )
    return settings


def _usual(allocation: str, reconstruction: str) -> Settings:
    """What is usual for a pair of an allocation and a reconstruction."""
    for name, key, registry in (
        ("allocation", allocation, ALLOCATIONS),
        ("reconstruction", reconstruction, RECONSTRUCTIONS),
    ):
        if key not in registry:
            raise InputError(f"{name} is {key!r}: expected one of {', '.join(registry)}.")
    settings = Settings(allocation=allocation, reconstruction=reconstruction)
    return settings.changed({**ALLOCATIONS[allocation].usual, **RECONSTRUCTIONS[reconstruction].usual})
