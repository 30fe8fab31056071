"""What the status strip says about a view, in words: pure text, no Streamlit."""

from __future__ import annotations

import time
from dataclasses import dataclass

from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Result, Started
from fcpts_core.engine.snapshot import State
from fcpts_core.tasks.words import as_heading, measure_words
from pages._ui import numbers as fmt
from pages._ui.charts.moment import Moment
from pages._ui.theme import style_of
from pages._ui.view import Kind, View


@dataclass(frozen=True)
class Tile:
    """One number with its label; `tone` is "" or "missing"."""

    label: str
    value: str
    note: str
    tone: str = ""


@dataclass(frozen=True)
class Status:
    """The strip: `progress` is a share, or None where nothing goes on."""

    state: str
    badge: str
    title: str
    detail: str
    clock: str
    sentence: str
    progress: float | None
    progress_text: str
    tiles: tuple[Tile, ...]


WARM = 5
"""Steps after which the pace says something: the first ones are slower than the others."""

BADGES = {
    State.QUEUED: "Queued",
    State.RUNNING: "Running",
    State.PAUSED: "Paused",
    State.DONE: "Done",
    State.CANCELLED: "Stopped",
    State.FAILED: "Failed",
    State.INTERRUPTED: "Interrupted",
}


def status_of(view: View, moment: Moment | None) -> Status:
    """Everything the strip shows of `view`, whose picture is `moment`."""
    state = view.snapshot.state
    others = {Kind.RECORDING: "Recording", Kind.PREVIEW: "Not ready" if view.problem else "Preview"}
    badge = others.get(view.kind, BADGES[state])
    share = _share(view)
    return Status(
        state=view.kind.value if view.kind is not Kind.RUN else state.value,
        badge=badge,
        title=title_of(view.config),
        detail=view.snapshot.phase if view.open and state is not State.QUEUED else "",
        clock=_clock(view, moment),
        sentence=_sentence(view),
        progress=share,
        progress_text=f"{badge}, {fmt.percent(share, 0)}" if share is not None else "",
        tiles=_tiles(view, moment),
    )


def title_of(config: RunConfig) -> str:
    """The settings that tell one run from another."""
    parts = [config.model, style_of(config.method).label, fmt.percent(config.sparsity), f"seed {config.seed}"]
    return ", ".join(parts)


def _share(view: View) -> float | None:
    started = view.snapshot.started
    if not view.open or view.snapshot.state is State.QUEUED:
        return None
    if view.snapshot.phase_share is None and started and started.steps:
        return view.snapshot.step / started.steps
    return view.snapshot.phase_share or 0.0


def _clock(view: View, moment: Moment | None) -> str:
    started = view.snapshot.started
    if view.kind is Kind.PREVIEW or started is None or not started.steps:
        return ""
    step = moment.step if moment else view.snapshot.step
    parts = [f"step {step} of {started.steps}"]
    run = view.run if view.kind is Kind.RUN else None
    if run is not None and run.state is State.RUNNING and run.eta is not None and view.snapshot.step >= WARM:
        parts.append(f"{fmt.about(run.eta)} left")
    if run is not None and run.started_at is not None:
        parts.append(f"started {time.strftime('%H:%M:%S', time.localtime(run.started_at))}")
    return ", ".join(parts)


def _sentence(view: View) -> str:
    snapshot, started = view.snapshot, view.snapshot.started
    if view.kind is Kind.RECORDING:
        share, method = fmt.percent(view.config.sparsity), style_of(view.config.method).label
        return (
            f"Recorded: {method} learns which {share} of the weights can be zero. Replay it, or press Run for your own."
        )
    if view.problem:
        return ""
    if view.kind is Kind.PREVIEW:
        if started is None:
            return ""
        return (
            f"{goal_of(started)} "
            f"Nothing has been learned yet: this is where {style_of(view.config.method).label} starts."
        )
    if snapshot.state is State.QUEUED:
        ahead = (view.run.queue_position if view.run else None) or 1
        return f"Number {ahead} in the queue: it starts by itself when its turn comes."
    if snapshot.state is State.CANCELLED:
        return f"Stopped after step {snapshot.step}, before anything was measured. Go on with it, or press Run."
    if snapshot.state is State.INTERRUPTED:
        return f"Interrupted after step {snapshot.step}: the program ended. Go on, and it ends with the same bits."
    if snapshot.state is State.FAILED:
        return f"{snapshot.reason} Change a setting, then press Run again."
    if snapshot.result is not None:
        return " ".join((_reached(snapshot.result), *_remarks(snapshot.result, started)))
    if view.changed:
        return "The settings have changed since: they are for the next run."
    if snapshot.state is State.PAUSED:
        return "Take single steps, or resume."
    return ""


def goal_of(started: Started) -> str:
    """What the target means."""
    if started.target_zeros is None:
        return f"{fmt.percent(started.target_sparsity)} of the multiply-adds fall away."
    return f"{fmt.count(started.target_zeros)} of {fmt.count(started.weights)} weights become zero."


def _reached(result: Result) -> str:
    zeros = f"{fmt.count(result.zeros)} of {fmt.count(result.weights)} weights are zero"
    if result.budget != "flops" or result.flops_kept is None:
        return f"{zeros}, as asked."
    return f"{fmt.percent(1 - result.flops_kept, 2)} of the multiply-adds fall away, as asked; {zeros}."


def _remarks(result: Result, started: Started | None) -> tuple[str, ...]:
    """What whoever reads the figures must know, without what the page says of the run from its beginning."""
    many = result.skipped_images
    broken = (f"{many:,} picture{'s' if many > 1 else ''} could not be read.",) if many else ()
    known = started.notes if started is not None else ()
    return (*broken, *(note for note in result.notes if note not in known))


def _tiles(view: View, moment: Moment | None) -> tuple[Tile, ...]:
    started, result = view.snapshot.started, view.snapshot.result
    if started is None:
        return ()
    shown = result if moment is not None and moment.final else None
    sparsity = moment.sparsity if moment else None
    zeros = shown.zeros if shown else (round(sparsity * started.weights) if sparsity is not None else None)
    target = f"target {fmt.percent(started.target_sparsity)}"
    last = view.snapshot.stepped_at(moment.step) if moment else None
    seconds = shown.seconds if shown else (last.seconds if last and last.step else None)
    pace = shown.seconds_per_step if shown else (last.seconds / last.step if last and last.step else None)
    kept = fmt.count(started.weights - zeros) if zeros is not None else fmt.MISSING
    digits = 2 if shown else 1
    if started.budget == "flops":
        saved = 1 - shown.flops_kept if shown and shown.flops_kept is not None else moment.saved if moment else None
        goal = (
            Tile("Multiply-adds saved", fmt.percent(saved, digits), target),
            Tile("Weights kept", kept, f"{fmt.percent(sparsity, digits)} are zero"),
        )
    else:
        goal = (
            Tile(
                "Sparsity",
                fmt.percent(sparsity, digits),
                f"exactly {fmt.count(shown.zeros)} zeros" if shown else target,
            ),
            Tile("Weights kept", kept, f"of {fmt.count(started.weights)}"),
        )
    return (
        *goal,
        _later(as_heading(measure_words(started.measure)), shown.accuracy if shown else None, _beside(view, shown)),
        _later(_agreement(shown), shown.agreement if shown else None, "with the dense model"),
        Tile(
            "Time", fmt.duration(seconds), f"{fmt.duration(pace)} a step" if pace else "", "" if seconds else "missing"
        ),
    )


def _beside(view: View, shown: Result | None) -> str:
    """What stands below the main measure: the dense model's, and the top-5 accuracy where it says something."""
    if shown is None or shown.top5 is None or shown.top5 > 0.999:
        return _dense_words(view)
    return f"{_dense_words(view)}, top-5 {fmt.percent(shown.top5)}"


def _agreement(shown: Result | None) -> str:
    """The main one by its name, such as `Agreement mIoU`."""
    return as_heading(next(iter(shown.agreements), "agreement")) if shown else "Agreement"


def _dense_words(view: View) -> str:
    started = view.snapshot.started
    if view.kind is Kind.PREVIEW or started is None or _not_measured_yet(view):
        return "measured in the run"
    return "no labels" if started.dense_accuracy is None else f"dense {fmt.percent(started.dense_accuracy)}"


def _not_measured_yet(view: View) -> bool:
    """Whether what is shown is still the preview of a run that has not come to its beginning."""
    return view.kind is Kind.RUN and view.run is not None and view.run.snapshot.started is None


def _later(label: str, value: float | None, note: str) -> Tile:
    """A number that is known only at the end."""
    return Tile(label, fmt.percent(value), note, "" if value is not None else "missing")
