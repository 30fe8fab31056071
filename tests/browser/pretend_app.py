"""The app with an engine that only pretends: steps of a fixed length, any number of layers, failures on request.

The seed says what happens: `seed=53` gives 53 layers, `seed=13` a run that fails at its tenth step.
"""

from __future__ import annotations

import runpy
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch

from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Event, Stepped
from fcpts_core.engine.workers import RunRegistry
from fcpts_core.errors import RunError
from fcpts_core.methods import settings_for
from pages._ui import runs
from tests.pages.synthetic import events

PACE = 0.04
UNLUCKY = 13


class Pretended:
    """A run as the registry expects it."""

    def __init__(self, config: RunConfig) -> None:
        self.config = config
        self.state_dict: dict[str, torch.Tensor] | None = None

    def events(self) -> Iterator[Event]:
        steps = settings_for(self.config.method, self.config.overrides).steps
        for event in events(max(self.config.seed, 20), steps, self.config):
            if isinstance(event, Stepped):
                time.sleep(PACE)
                if event.step == 10 and self.config.seed == UNLUCKY:
                    raise RunError("The loss is not finite any more after step 10: lower the learning rate.")
            yield event
        self.state_dict = {"linear.weight": torch.zeros(10, 64)}


setattr(runs, "RunRegistry", partial(RunRegistry, make_run=Pretended))  # noqa: B010
runpy.run_path(str(Path(__file__).parents[2] / "app.py"), run_name="__main__")
