"""The app with an engine that only pretends, see `tests.pages.pretended`."""

from __future__ import annotations

import runpy
from functools import partial
from pathlib import Path

from fcpts_core.engine.workers import RunRegistry
from pages._ui import runs
from tests.pages.pretended import Pretended

setattr(runs, "RunRegistry", partial(RunRegistry, make_run=Pretended))  # noqa: B010
runpy.run_path(str(Path(__file__).parents[2] / "app.py"), run_name="__main__")
