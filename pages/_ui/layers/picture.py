"""The mask as a picture: a PNG in the colours of kept and pruned, clear enough on both backgrounds."""

from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
from PIL import Image

from fcpts_core.masks.portrait import LayerPortrait, mask_picture
from pages._ui import numbers as fmt
from pages._ui.theme import KEPT, PRUNED

LARGEST = 1200
"""Pixels along a side; of more, blocks of the picture are averaged."""

FAINTEST, PALE = 0.45, 0.22


def mask_png(portrait: LayerPortrait) -> tuple[bytes, tuple[int, int]]:
    """The picture and its size `(width, height)` in pixels, one for each weight unless the layer is too large."""
    values = mask_picture(portrait).numpy()
    pixels = np.zeros((*values.shape, 4), dtype=np.uint8)
    kept, pruned = values > 0, values < 0
    pixels[kept, :3], pixels[pruned, :3] = _rgb(KEPT), _rgb(PRUNED)
    pixels[kept, 3] = np.round(255 * (FAINTEST + (1 - FAINTEST) * np.sqrt(values[kept])))
    pixels[pruned, 3] = round(255 * PALE)
    image = Image.fromarray(pixels, "RGBA")
    height, width = values.shape
    shrink = max(1, -(-max(height, width) // LARGEST))
    if shrink > 1:
        image = image.reduce(shrink)
    content = BytesIO()
    image.save(content, "PNG", optimize=True)
    return content.getvalue(), image.size


def mask_html(portrait: LayerPortrait, name: str) -> str:
    """A panel with the picture, and in words which filters died."""
    content, (width, height) = mask_png(portrait)
    matrix = portrait.kept.ndim < 3
    what = "a row an output, a column an input" if matrix else "a row a filter, a tile an input channel"
    data = base64.b64encode(content).decode()
    note = dead_words(portrait)
    return (
        "<section class='fcpts-panel' data-chart='mask'><header class='fcpts-panel-head'>"
        f"<h2 class='fcpts-panel-title'>Its mask</h2><span class='fcpts-panel-aside'>{what}</span></header>"
        f"<div class='fcpts-i-mask'><img alt='Mask of {name}. {note}' src='data:image/png;base64,{data}' "
        f"style='--across:{width};--down:{height}'></div><p class='fcpts-panel-note'>{note}</p></section>"
    )


def dead_words(portrait: LayerPortrait) -> str:
    """Which filters and input channels have nothing left."""
    filters, inputs = portrait.dead_filters, portrait.dead_inputs
    outs, ins = portrait.kept.shape[0], portrait.kept.shape[1] if portrait.kept.ndim > 1 else 1
    shares = portrait.filter_shares()
    fullest = int(shares.argmin())
    first = (
        f"{len(filters)} of {outs} filters are empty{_listed(filters)}"
        if filters
        else f"None of {outs} filters is empty"
    )
    second = (
        f"{len(inputs)} of {ins} input channels are not used{_listed(inputs)}"
        if inputs
        else "every input channel is used"
    )
    return f"{first}; {second}. Filter {fullest} keeps most, {fmt.percent(1 - float(shares[fullest]))}."


def _listed(numbers: tuple[int, ...], most: int = 6) -> str:
    more = len(numbers) - most
    return f" ({', '.join(map(str, numbers[:most]))}{f' and {more} more' if more > 0 else ''})"


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return red, green, blue
