"""The tasks by name. A new task is a file with a class (see `task.Task`) and a line here; contract tests cover it."""

from __future__ import annotations

from fcpts_core.errors import InputError
from fcpts_core.tasks.classification import Classification
from fcpts_core.tasks.detection import Detection
from fcpts_core.tasks.segmentation import Segmentation
from fcpts_core.tasks.task import Task

TASKS: dict[str, Task] = {entry.name: entry for entry in (Classification(), Segmentation(), Detection())}


def task(name: str) -> Task:
    """The task of that name; an unknown one is an InputError with all the names."""
    if name not in TASKS:
        raise InputError(f"There is no task {name!r}: expected one of {', '.join(TASKS)}.")
    return TASKS[name]
