"""What every test starts from: one thread and the same random numbers."""

from __future__ import annotations

import os
import random
import tempfile

import hypothesis
import numpy as np
import pytest
import torch

hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("repeatable")


# No test keeps a run where the person who runs the tests keeps theirs; children take it over by the environment.
_STORE = tempfile.TemporaryDirectory(prefix="fcpts-test-store-")
os.environ["FCPTS_STORE"] = _STORE.name


@pytest.fixture(autouse=True)
def repeatable() -> None:
    # A sum has the same bits only when split over as many threads, and two test workers share two cores.
    torch.set_num_threads(1)
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
