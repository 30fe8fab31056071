"""The numbers of one step of the small example: a row each, with the formula and the figures that go into it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fcpts_core.bridge import toy as core
from fcpts_core.bridge.toy import ToyLayer, ToyRow, ToyStep


def _sparsity(row: ToyRow, layer: ToyLayer) -> str:
    return f"1 − e<sup>−{number(row.threshold)}/{layer.scale:g}</sup> = <b>{number(row.sparsity)}</b>"


def _task(row: ToyRow, layer: ToyLayer) -> str:
    return f"2 · {layer.cost:g} · {number(row.sparsity)} = <b>{number(row.task)}</b>"


def _control(row: ToyRow, layer: ToyLayer) -> str:
    push = "+1" if row.control > 0 else "−1"
    return f"{push} · {layer.weights}/{core.TOTAL} = <b>{signed(row.control)}</b>"


def _slope(row: ToyRow, layer: ToyLayer) -> str:
    return f"(1 − {number(row.sparsity)})/{layer.scale:g} = <b>{number(row.slope)}</b>"


def _gradient(row: ToyRow, layer: ToyLayer) -> str:
    return f"({number(row.task)} {after(row.control)}) · {number(row.slope)} = <b>{signed(row.gradient)}</b>"


def _update(row: ToyRow, layer: ToyLayer) -> str:
    return f"{number(row.threshold)} {after(-core.RATE * row.gradient)} = <b>{number(core.moved(row))}</b>"


LINES: tuple[tuple[str, str, Callable[[ToyRow, ToyLayer], str]], ...] = (
    ("forward", "t", lambda row, layer: number(row.threshold)),
    ("sparsity", "r = 1 − e<sup>−t/s</sup>", _sparsity),
    ("task", "2 c r", _task),
    ("control", "λ sign(R − R*) n/N", _control),
    ("slope", "p(t) + p(−t) = (1 − r)/s", _slope),
    ("gradient", "(task + budget) · slope", _gradient),
    ("update", "t − η · gradient", _update),
)


def table(step: ToyStep, text: Mapping[str, str]) -> str:
    """Forward and backward of both layers as an HTML table."""
    head = "".join(
        f"<th scope='col'>{text['layer']} {layer.name}"
        f"<span class='fcpts-sub'>n = {layer.weights}, s = {layer.scale:g}, c = {layer.cost:g}</span></th>"
        for layer in core.LAYERS
    )
    body = "".join(_line(step, text[name], formula, cell) for name, formula, cell in LINES)
    return f"<table class='fcpts-toy'><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table>"


def _line(step: ToyStep, name: str, formula: str, cell: Callable[[ToyRow, ToyLayer], str]) -> str:
    cells = "".join(f"<td>{cell(row, layer)}</td>" for row, layer in zip(step.rows, core.LAYERS, strict=True))
    return f"<tr><th scope='row'>{name}<span class='fcpts-sub'>{formula}</span></th>{cells}</tr>"


def number(value: float) -> str:
    return f"{value:.3f}"


def signed(value: float) -> str:
    return f"{'−' if value < 0 else '+'}{abs(value):.3f}"


def after(value: float) -> str:
    """As a summand."""
    return f"{'−' if value < 0 else '+'} {abs(value):.3f}"
