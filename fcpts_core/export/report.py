"""One HTML page with all that is known of a run; it carries its charts' program along and opens without a network."""

from __future__ import annotations

import html
import json
import math
import platform
from collections.abc import Iterable, Sequence
from html.parser import HTMLParser
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Any

from fcpts_core.cost.sizes import FORMATS, sizes, total
from fcpts_core.engine.events import Stepped
from fcpts_core.errors import RunError
from fcpts_core.export.source import Source
from fcpts_core.methods import METHODS, settings_for

KEPT, PRUNED, MUTED = "#0072B2", "#D55E00", "#8b949e"
MOST_POINTS = 500
NOTHING = "<p>Nothing was learned step by step: the weights were pruned once.</p>"


def report(source: Source) -> bytes:
    """The page; parsed once more, and its data read back, before it is offered."""
    steps = [event for event in source.events if isinstance(event, Stepped)]
    charts = {"allocation": _allocation(source)} | ({"learning": _learning(steps)} if steps else {})
    result, config = source.result, source.config
    method = METHODS[config.method].title if config.method in METHODS else config.method
    page = Template((Path(__file__).parent / "report.html").read_text(encoding="utf-8")).substitute(
        title=html.escape(f"{config.model}, {method}, {config.sparsity:.10g}"),
        lead=html.escape(
            f"Exactly {result.zeros:,} of {result.weights:,} weights are zero. Run {source.key}, seed {config.seed}, "
            f"{result.calibration_images:,} calibration images, {result.steps:,} steps."
        ),
        tiles="".join(_tile(*tile) for tile in _tiles(source)),
        learning='<div class="chart" id="learning"></div>' if steps else NOTHING,
        layers=_table(
            ("layer", "shape", "weights", "zeros", "sparsity", "threshold"),
            (
                (
                    r.name,
                    "x".join(map(str, r.shape)),
                    f"{r.weights:,}",
                    f"{r.zeros:,}",
                    f"{r.sparsity:.2%}",
                    f"{r.threshold:.4g}",
                )
                for r in result.layers
            ),
        ),
        saving="A dense file is as large as before. These are the bytes of all tensors in formats that leave zeros "
        "out; a dense engine is no faster for them.",
        sizes=_sizes(source),
        settings=_pairs(_settings(source)),
        environment=_pairs(_environment(source)),
        plotly=_plotly(),
        charts=json.dumps(charts).replace("</", "<\\/"),
    )
    _verify(page, charts)
    return page.encode()


def _tiles(source: Source) -> Iterable[tuple[str, str]]:
    result = source.result
    yield "sparsity", f"{result.sparsity:.2%}"
    yield result.measure, _share(result.accuracy)
    yield f"{result.measure}, dense", _share(result.dense_accuracy)
    yield "agreement with the dense model", _share(result.agreement)
    if result.flops_kept is not None:
        yield "multiply-adds left", f"{result.flops_kept:.1%}"
    yield "time", f"{result.seconds:.0f} s"


def _allocation(source: Source) -> dict[str, Any]:
    layers = source.result.layers
    names, shares = [row.name for row in layers], [row.sparsity for row in layers]
    bars = {"type": "bar", "x": names}
    return {
        "data": [
            {**bars, "name": "zero", "y": shares, "marker": {"color": PRUNED, "opacity": 0.45}},
            {**bars, "name": "kept", "y": [1 - share for share in shares], "marker": {"color": KEPT}},
        ],
        "layout": {
            "barmode": "stack",
            "xaxis": {"showticklabels": len(layers) <= 40, "tickangle": -60, "type": "category", "showgrid": False},
            "yaxis": {"tickformat": ".0%", "range": [0, 1], "title": {"text": "share of the weights"}},
        },
    }


def _learning(steps: Sequence[Stepped]) -> dict[str, Any]:
    every = max(1, math.ceil(len(steps) / MOST_POINTS))
    shown = [*steps[:-1:every], steps[-1]]
    line = {"type": "scatter", "mode": "lines", "x": [event.step for event in shown]}
    return {
        "data": [
            {**line, "name": "reconstruction loss", "y": [e.reconstruction for e in shown], "line": {"color": KEPT}},
            {**line, "name": "sparsity", "y": [e.sparsity for e in shown], "yaxis": "y2", "line": {"color": PRUNED}},
            {
                **line,
                "name": "target of the step",
                "y": [event.scheduled_target for event in shown],
                "yaxis": "y2",
                "line": {"color": MUTED, "dash": "dot"},
            },
        ],
        "layout": {
            "xaxis": {"title": {"text": "step"}},
            "yaxis": {"type": "log", "title": {"text": "loss (log)"}},
            "yaxis2": {"overlaying": "y", "side": "right", "tickformat": ".0%", "showgrid": False},
        },
    }


def _sizes(source: Source) -> str:
    together = total(sizes(source.tensors))
    dense = together.bytes["dense"] or 1
    rows = [(name, f"{together.bytes[name]:,}", f"{together.bytes[name] / dense:.1%}") for name in FORMATS]
    return _table(("format", "bytes", "of dense"), rows)


def _settings(source: Source) -> Iterable[tuple[str, object]]:
    config = source.config
    yield from ((name, value) for name, value in config.to_json().items() if name != "overrides" and value is not None)
    yield "threads", source.threads
    changed = set(config.overrides)
    for name, value in vars(settings_for(config.method, config.overrides)).items():
        yield name, f"{value} (changed)" if name in changed else value


def _environment(source: Source) -> Iterable[tuple[str, object]]:
    yield "system", f"{platform.system()} {platform.release()}, {platform.machine()}"
    yield "python", platform.python_version()
    for package in ("fcpts-playground", "torch", "numpy", "safetensors"):
        try:
            yield package, version(package)
        except PackageNotFoundError:
            yield package, "from a checkout"
    yield "peak memory", f"{source.result.peak_rss_mb:,.0f} MB"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<tr>{''.join(f'<th>{html.escape(name)}</th>' for name in head)}</tr>{cells}"


def _pairs(pairs: Iterable[tuple[str, object]]) -> str:
    rows = ((html.escape(name), html.escape(_text(value))) for name, value in pairs)
    return "".join(f"<tr><td>{name}</td><td>{value}</td></tr>" for name, value in rows)


def _text(value: object) -> str:
    return ", ".join(map(str, value)) or "-" if isinstance(value, list | tuple) else str(value)


def _tile(label: str, value: str) -> str:
    return f'<div class="tile"><b>{html.escape(value)}</b><span>{html.escape(label)}</span></div>'


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"


def _plotly() -> str:
    spec = find_spec("plotly")
    if spec is None or not spec.submodule_search_locations:
        raise RunError("The package plotly is missing, which draws the charts: `pip install plotly` brings it.")
    script = Path(spec.submodule_search_locations[0]) / "package_data" / "plotly.min.js"
    return script.read_text(encoding="utf-8").replace("</script", "<\\/script")


class _Links(HTMLParser):
    """What a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.ended = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [str(value) for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        self.ended |= tag == "html"


def _verify(page: str, charts: dict[str, Any]) -> None:
    links = _Links()
    links.feed(page)
    text = page[page.rindex("const charts = ") + len("const charts = ") :].splitlines()[0].rstrip(";")
    if links.found or not links.ended or json.loads(text.replace("<\\/", "</")) != charts:
        raise RunError("The report is not whole: nothing was written, report this.")
