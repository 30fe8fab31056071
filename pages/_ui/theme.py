"""Colours with one meaning everywhere, for both themes; charts name them by role (`@kept`), never by value.

The blue of kept and the orange of pruned weights are Okabe-Ito's and hold at least 3:1 on both backgrounds. Methods
never use those two: each has its own colour and dash, so that none is told apart by colour alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product
from zlib import crc32

from fcpts_core.compare.contender import Contender

KEPT = "#0072B2"
PRUNED = "#D55E00"

PALETTE: dict[str, dict[str, str]] = {
    "light": {
        "kept": KEPT,
        "pruned": PRUNED,
        "text": "#1b1f24",
        "muted": "#57606a",
        "grid": "#e6e9ed",
        "axis": "#c4cad1",
        "panel": "#ffffff",
        "dense": "#8b949e",
        "lit": "#1b1f24",
        "green": "#00805d",
        "pink": "#b4508a",
        "amber": "#8f6500",
        "violet": "#6a56b8",
        "cyan": "#00748a",
        "brown": "#86522b",
        "olive": "#6d8700",
    },
    "dark": {
        "kept": KEPT,
        "pruned": PRUNED,
        "text": "#e8ebef",
        "muted": "#a3acb6",
        "grid": "#262c34",
        "axis": "#454d57",
        "panel": "#161a20",
        "dense": "#7d8691",
        "lit": "#ffffff",
        "green": "#2fb58d",
        "pink": "#dd8fbb",
        "amber": "#d9a62b",
        "violet": "#a796ec",
        "cyan": "#45bcd3",
        "brown": "#c99a72",
        "olive": "#a8bd3a",
    },
}


@dataclass(frozen=True)
class Style:
    """How one method is drawn on every page: `dash` and `symbol` are plotly's names of a dash and of a marker."""

    label: str
    colour: str
    dash: str
    symbol: str = "circle"


METHOD_STYLES: dict[str, Style] = {
    "fcpts": Style("FCPTS", "@green", "solid"),
    "best": Style("Best", "@text", "solid", "star"),
    "fcpts-released": Style("FCPTS as released", "@pink", "longdash", "triangle-up"),
    "pot": Style("POT", "@olive", "dash", "triangle-down"),
    "unipts": Style("UniPTS", "@brown", "longdash", "cross"),
    "unipts-labels": Style("UniPTS with labels", "@brown", "dot", "x"),
    "obc": Style("OBC", "@cyan", "longdash", "hexagon"),
    "uniform": Style("uniform", "@muted", "dot", "square"),
    "erk": Style("ERK", "@violet", "dash", "diamond"),
    "global-magnitude": Style("global magnitude", "@amber", "dashdot", "pentagon"),
}


VARIANTS = tuple(
    product(("@cyan", "@pink", "@amber", "@violet", "@olive", "@brown"), ("dot", "dash", "longdash", "solid"))
)
"""Colours and dashes for methods with settings of their own, whose markers are hollow."""


@cache
def style_of(method: str) -> Style:
    """The fixed style of a method; unknown names get the text colour and a plain line.

    A method with settings of its own (`METHOD:KEY=VALUE`) keeps the shape of its marker, hollow, and gets a colour and
    a dash by its text, so that it looks the same everywhere and always.
    """
    name, colon, _ = method.partition(":")
    if colon and name in METHOD_STYLES:
        style, contender = METHOD_STYLES[name], Contender.read(method)
        colour, dash = VARIANTS[crc32(method.encode()) % len(VARIANTS)]
        return Style(f"{style.label}, {contender.changes}", colour, dash, f"{style.symbol}-open")
    return METHOD_STYLES.get(method, Style(method, "@text", "solid", "asterisk-open"))
