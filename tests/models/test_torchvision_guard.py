"""Every case needs an interpreter that has not imported torchvision yet, hence the subprocesses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

MISSING = """
import torch

def refuse(path):
    raise OSError(f"Could not load this library: {path}")

torch.ops.load_library = refuse
"""

# A library registers its operators when it is first loaded, and loading it again does nothing.
PRESENT = """
import torch

SCHEMAS = '''
nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor
qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor
roi_align(Tensor i, Tensor r, float s, SymInt h, SymInt w, int n, bool a) -> Tensor
qroi_align(Tensor i, Tensor r, float a, int b, float c, int d, float s, SymInt h, SymInt w, int n, bool e) -> Tensor
roi_pool(Tensor i, Tensor r, float s, SymInt h, SymInt w) -> (Tensor, Tensor)
ps_roi_align(Tensor i, Tensor r, float s, SymInt h, SymInt w, int n) -> (Tensor, Tensor)
ps_roi_pool(Tensor i, Tensor r, float s, SymInt h, SymInt w) -> (Tensor, Tensor)
deform_conv2d(Tensor i) -> Tensor
_roi_align_backward(Tensor g) -> Tensor
_roi_pool_backward(Tensor g) -> Tensor
_ps_roi_align_backward(Tensor g) -> Tensor
_ps_roi_pool_backward(Tensor g) -> Tensor
_deform_conv2d_backward(Tensor g) -> Tensor
_cuda_version() -> int
'''.split(chr(10))[1:-1]
libraries = []

def load(path):
    if not libraries:
        libraries.append(torch.library.Library("torchvision", "FRAGMENT"))
        for schema in SCHEMAS:
            libraries[0].define(schema)
        libraries[0].impl("_cuda_version", lambda: -1, "CompositeExplicitAutograd")

torch.ops.load_library = load
"""

GUARD = """
from fcpts_core.models import torchvision_guard as guard

torchvision = guard.import_torchvision()
assert torchvision is guard.import_torchvision()
assert torchvision.models.resnet18().eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 1000)
"""


def run(code: str) -> str:
    """Runs `code` in a fresh interpreter where every warning is an error, and returns what it printed."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_models_work_as_installed() -> None:
    run("import torch" + GUARD)


def test_missing_operators_are_declared_once_and_explain_themselves_when_called() -> None:
    check = """
assert len(guard._declared) == 1
assert not torchvision.extension._has_ops()
try:
    torchvision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
except RuntimeError as error:
    print(error)
"""
    assert "Couldn't load custom C++ ops" in run(MISSING + GUARD + check)


def test_present_operators_are_left_alone() -> None:
    run(PRESENT + GUARD + "assert guard._declared == [] and torchvision.extension._has_ops()")


def test_without_the_guard_the_import_dies() -> None:
    """The day this fails, torchvision has learned to do without its operators and the guard can go."""
    attempt = "\ntry:\n    import torchvision\nexcept RuntimeError as error:\n    print(error)"
    assert "operator torchvision::nms does not exist" in run(MISSING + attempt)


def test_many_threads_may_ask_at_once() -> None:
    code = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from fcpts_core.models import torchvision_guard as guard

barrier = Barrier(8)

def ask(_):
    barrier.wait()
    return guard.import_torchvision()

with ThreadPoolExecutor(8) as pool:
    assert len(set(pool.map(ask, range(8)))) == 1
assert len(guard._declared) == 1
"""
    run(MISSING + code)
