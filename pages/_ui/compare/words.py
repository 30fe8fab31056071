"""What the status strip says about a comparison: pure text, no Streamlit."""

from __future__ import annotations

from collections.abc import Sequence

from fcpts_core.compare.progress import CellView
from fcpts_core.engine.snapshot import State
from pages._ui import numbers as fmt
from pages._ui.compare.charts.scale import best, dense, measure_of, value
from pages._ui.compare.goal import brief
from pages._ui.compare.pace import seconds_for
from pages._ui.compare.picture import Kind, Picture
from pages._ui.status.words import Status, Tile
from pages._ui.theme import style_of

BASELINE = "uniform"


def status_of(picture: Picture, references: Sequence[CellView] = ()) -> Status:
    """The strip for the picture; `references` are other cells to judge by how long the rest takes."""
    state, badge = _badge(picture)
    share = picture.own.share if picture.open and picture.own else None
    return Status(
        state=state,
        badge=badge,
        title=_title(picture),
        detail=_phase(picture),
        clock=_clock(picture, references),
        sentence=_sentence(picture),
        progress=share,
        progress_text=f"{badge}, {fmt.percent(share, 0)}" if share is not None else "",
        tiles=_tiles(picture),
    )


def _badge(picture: Picture) -> tuple[str, str]:
    if picture.kind is Kind.RECORDING:
        return "recording", "Recording"
    if picture.kind is Kind.PREVIEW or picture.own is None:
        return "preview", "Not ready" if picture.problem else "Preview"
    if not picture.own.over and picture.own.paused:
        return "paused", "Paused"
    if not picture.own.over:
        run = picture.own.run
        begun = picture.own.ended or (run is not None and run.state is State.RUNNING)
        return ("running", "Running") if begun else ("queued", "Queued")
    if picture.own.cancelled:
        return "cancelled", "Stopped"
    failed = all(view.state is State.FAILED for view in picture.own.cells)
    return ("failed", "Failed") if failed else ("done", "Done")


def _title(picture: Picture) -> str:
    if not picture.cells:
        return "Nothing to compare yet"
    models = dict.fromkeys(view.cell.config.model for view in picture.cells)
    what = [
        fmt.several(len(picture.methods), "method"),
        fmt.several(len(picture.targets), picture.goal.one, picture.goal.several),
    ]
    seeds = len({view.cell.config.seed for view in picture.cells})
    return ", ".join([*models, *what, *([fmt.several(seeds, "seed")] if seeds > 1 else [])])


def _phase(picture: Picture) -> str:
    """What the run in hand does now."""
    run = picture.own.run if picture.own and picture.open else None
    if run is None:
        return ""
    config = run.config
    label = next((view.cell.label for view in picture.cells if view.cell.config == config), config.method)
    name = f"{style_of(label).label} at {brief(config.sparsity)}, {config.model}, seed {config.seed}"
    started = run.snapshot.started
    if started is not None and started.steps and run.snapshot.step:
        return f"{name}: step {run.snapshot.step} of {started.steps}"
    return f"{name}: {run.snapshot.phase or 'starting'}"


def _clock(picture: Picture, references: Sequence[CellView]) -> str:
    own = picture.own
    if own is None or not picture.open:
        return ""
    place = f"run {min(own.ended + 1, len(own.cells))} of {len(own.cells)}"
    left = [view for view in own.cells if not view.state.final]
    seconds, complete = seconds_for(left, (*own.cells, *references))
    gone = own.run.elapsed if own.run else 0.0
    parts = [place, *([f"{fmt.duration(own.seconds)} so far"] if own.seconds >= 1 else [])]
    if seconds > gone:
        parts.append(f"{fmt.about(seconds - gone)}{'' if complete else ' or more'} left")
    return ", ".join(parts)


def _sentence(picture: Picture) -> str:
    if picture.kind is Kind.RECORDING:
        return "Recorded: these runs were made earlier. Choose methods and sparsities, then press Compare for your own."
    if picture.problem:  # it stands in the place of the charts
        return ""
    done = sum(view.result is not None for view in picture.cells)
    left = len(picture.cells) - done
    if picture.kind is Kind.PREVIEW:
        how = "recorded" if len(picture.recorded) == done else "known already"
        known = f"{done} of {len(picture.cells)} runs are {how}. " if done else ""
        return f"{known}Press Compare for the rest." if left else "All of it is known already."
    own = picture.own
    if own is not None and picture.open and own.paused:
        hand = own.run is not None and own.run.state is State.RUNNING
        return "The run in hand stops after its step." if hand else "Nothing is computed until you resume."
    if own is not None and picture.open:
        ahead = own.run.queue_position if own.run else None
        if own.waiting:
            return f"{own.waiting.split(':')[0]}: the next run starts as soon as there is room."
        return f"Number {ahead} in the queue: it starts by itself when its turn comes." if ahead else ""
    failed = sum(view.state is State.FAILED for view in picture.cells)
    if own is not None and own.cancelled:
        return f"{done} of {len(picture.cells)} runs had ended; they are kept. Press Compare to go on."
    if failed:
        return f"{fmt.several(failed, 'run')} of {len(picture.cells)} failed: the table says why."
    return f"All {done} runs are kept: another comparison that needs them has them at once."


def _tiles(picture: Picture) -> tuple[Tile, ...]:
    if not picture.cells:
        return ()
    rows = [row for row in picture.shown if row.target_sparsity == picture.target]
    top, level = best(rows), dense(picture.shown)
    base = next((row for row in rows if row.method == BASELINE), None)
    done = [view.result for view in picture.cells if view.result is not None]
    at = f"at {brief(picture.target)}"
    level_with = sum(value(row) == value(top) for row in rows) - 1 if top else 0
    field = fmt.several(len(picture.methods), "method")
    rivals = f"level with {fmt.several(level_with, 'other')}" if level_with > 0 else f"of {field}"
    gap = (value(top) or 0.0) - (value(base) or 0.0) if top and base and top is not base else None
    seconds = sum(result.seconds for result in done) if done else None
    name, _, changes = style_of(top.method).label.partition(", ") if top else ("", "", "")
    measure = measure_of(rows)
    agreed = measure.startswith("agreement")
    return (
        _tile(
            f"Closest {at}" if agreed else f"Most accurate {at}" if measure == "accuracy" else f"Best {at}",
            name or None,
            ", ".join(filter(None, [changes, rivals])),
        ),
        _tile(
            "Its agreement" if agreed else f"Its {measure}",
            fmt.percent(value(top)) if top else None,
            f"dense {fmt.percent(level)}" if level is not None else "no labels" if rows else "not measured yet",
        ),
        _tile("Ahead of uniform", fmt.points(gap, 1) if gap is not None else None, "percentage points"),
        _tile("Runs", f"{len(done)}", f"of {len(picture.cells)}"),
        _tile("Time", fmt.duration(seconds) if seconds is not None else None, "all runs together"),
    )


def _tile(label: str, text: str | None, note: str) -> Tile:
    return Tile(label, fmt.MISSING if text is None else text, note, "" if text is not None else "missing")
