"""One model layer by layer: type, shape, weights, their share, multiply-adds, and whether it is pruned."""

from __future__ import annotations

import html

import streamlit as st

from fcpts_core.models.cards import MODELS
from fcpts_core.models.catalogue import Entry
from fcpts_core.models.table import LayerRow, architecture, table_of
from pages._ui import numbers as fmt

COLUMNS = {
    "layer": st.column_config.TextColumn("Layer", width=300),
    "type": st.column_config.TextColumn("Type", width=120),
    "shape": st.column_config.TextColumn("Shape", width=150),
    "weights": st.column_config.NumberColumn("Weights", format="localized", width=110),
    "flops": st.column_config.NumberColumn("Multiply-adds", format="localized", width=140),
    "included": st.column_config.TextColumn("Pruned", width=110),
}


@st.cache_data(show_spinner=False, max_entries=64)
def rows_of(name: str) -> tuple[LayerRow, ...]:
    card = MODELS[name]
    return table_of(architecture(name), (card.channels, *card.input_size))


def layers_of(entry: Entry) -> None:
    """Heading, facts and table."""
    with st.spinner(f"Looking at {entry.name}"):
        rows = rows_of(entry.name)
    st.subheader(entry.name, anchor=False)
    with st.container(key="models-facts"):
        st.markdown(_facts(entry, rows))
    most = max((row.share for row in rows), default=1.0)
    share = st.column_config.ProgressColumn(
        "Share of weights", format="percent", min_value=0.0, max_value=most, width=140
    )
    table = [
        {
            "layer": row.name,
            "type": row.kind,
            "shape": fmt.shape(row.shape),
            "weights": row.weights,
            "share": row.share,
            "flops": row.flops,
            "included": row.left or "yes",
        }
        for row in rows
    ]
    height = min(460, 37 + 35 * len(table))
    st.dataframe(table, column_config={**COLUMNS, "share": share}, hide_index=True, height=height)
    st.caption(
        "Norms, biases and embeddings stay dense and are not listed. Multiply-adds are those of one image; none "
        "are given where they depend on what is in it. Names and types are what “Layers kept dense” takes."
    )


def _facts(entry: Entry, rows: tuple[LayerRow, ...]) -> str:
    total = None if any(row.flops is None for row in rows) else sum(row.flops or 0 for row in rows)
    transform = MODELS[entry.name].transform
    height, width = MODELS[entry.name].input_size
    scaled = "as they are" if transform.resize is None else f"the {transform.fit} side scaled to {transform.resize}"
    numbers = ", ".join(f"{value:g}" for value in transform.mean), ", ".join(f"{value:g}" for value in transform.std)
    lines = [
        f"{html.escape(entry.description)} {entry.note[:1].upper()}{entry.note[1:]}{'.' if entry.note else ''}",
        f"**{len(rows)}** layers, **{fmt.count(entry.prunable_weights)}** of {fmt.count(entry.parameters)} parameters "
        f"can be pruned, **{fmt.short_count(total) if total else fmt.MISSING}** multiply-adds an image.",
        f"Images of {height}×{width}: {scaled}, {transform.interpolation}, mean {numbers[0]}, deviation {numbers[1]}.",
        f"Licence: {entry.licence}." + (f" Weights: <{entry.download.url}>" if entry.download else ""),
    ]
    return "  \n".join(lines)
