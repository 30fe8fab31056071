"""An engine that only pretends: steps of a fixed length, any number of layers, failures on request.

The seed says what happens: `seed=53` gives 53 layers, `seed=13` a run that fails at its tenth step.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch

from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Event, Finished, Stepped
from fcpts_core.errors import RunError
from fcpts_core.methods import settings_for
from tests.pages.synthetic import events

PACE = 0.04
UNLUCKY = 13
LAYERS = 20


class Pretended:
    """A run as the registry of background runs expects it."""

    def __init__(self, config: RunConfig) -> None:
        self.config = config
        self.state_dict: dict[str, torch.Tensor] | None = None

    def events(self) -> Iterator[Event]:
        steps = settings_for(self.config.method, self.config.overrides).steps
        for event in events(max(self.config.seed, LAYERS), steps, self.config):
            if isinstance(event, Stepped):
                time.sleep(PACE)
                if event.step == 10 and self.config.seed == UNLUCKY:
                    raise RunError("The loss is not finite any more after step 10: lower the learning rate.")
            if isinstance(event, Finished):
                self.state_dict = {"linear.weight": torch.zeros(10, 64)}
            yield event
