"""Every format of a finished run: read back elsewhere, with nothing of this project, it says the same."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from fcpts_core.cli import main
from fcpts_core.data.digits import digits
from fcpts_core.engine.config import RunConfig
from fcpts_core.engine.events import Finished, LayerResult, Result
from fcpts_core.engine.run import Run
from fcpts_core.errors import InputError, RunError
from fcpts_core.export import onnx_file
from fcpts_core.export.formats import FORMATS, export
from fcpts_core.export.source import Source, source_of
from fcpts_core.models.cards import card
from fcpts_core.models.layers import all_layers
from fcpts_core.models.mobilenet_v2 import MobileNetV2
from fcpts_core.store.following import kept
from fcpts_core.store.opening import open_store
from fcpts_core.store.options import FORMATS as OFFERED

MODEL_NAMES = ("digits-resnet20", "digits-vit")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one finished run of each model."""
    place = tmp_path_factory.mktemp("exports")
    opened = open_store(str(place))
    for name in MODEL_NAMES:
        config = RunConfig(name, "global-magnitude", 0.8, calibration_size=16, overrides={"layer_cap": "0.95"})
        events = kept(opened, opened.begin(config, threads=1, key=name), Run(config))
        assert isinstance(list(events)[-1], Finished)
    return place


@pytest.fixture
def source(store: Path) -> Source:
    return source_of(open_store(str(store)), "digits-resnet20")


def alone(program: str, *arguments: object, without: Sequence[str] = ("fcpts_core",)) -> str:
    """What a program prints in a process that has none of these packages."""
    blocked = "import sys\n" + "".join(f"sys.modules[{name!r}] = None\n" for name in without)
    command = [sys.executable, "-I", "-W", "error", "-c", blocked + program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=100).stdout.strip()


ACCURACY = """
import numpy as np, onnxruntime as runtime
given = np.load(sys.argv[2])
session = runtime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
said = session.run(None, {"images": given["images"]})[0].argmax(axis=1)
print((said == given["labels"]).mean())
"""


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_onnxruntime_alone_gets_the_accuracy_of_the_run(name: str, store: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    assert main(["export", name, "--format", "onnx", "--out", str(path), "--store", str(store)]) == 0
    transform, test = card(name).transform, digits("test")
    test = replace(test, mean=transform.mean, std=transform.std)
    assert test.labels is not None
    np.savez(tmp_path / "test.npz", images=test.inputs(None).numpy(), labels=test.labels.numpy())
    found = float(alone(ACCURACY, path, tmp_path / "test.npz", without=("fcpts_core", "torch")))
    assert found == pytest.approx(source_of(open_store(str(store)), name).result.accuracy, abs=1e-9)


def test_a_mobilenet_keeps_its_zeros_in_onnx(source: Source) -> None:
    torch.manual_seed(0)
    network = MobileNetV2().eval()
    rows = []
    for layer in all_layers(network):
        with torch.no_grad():
            layer.weight.mul_(layer.weight.abs() >= layer.weight.abs().median())
        zeros = layer.weights - int(layer.weight.count_nonzero())
        rows.append(LayerResult(layer.name, layer.shape, layer.weights, zeros, zeros / layer.weights, 0.0))
    result: Result = replace(source.result, layers=tuple(rows))
    task = Source("x", replace(source.config, model="mobilenet-v2"), result, network.state_dict(), (), 1)
    assert len(export(task, "onnx")) > 1000


def test_the_packed_weights_are_read_by_the_loader_alone(source: Source, tmp_path: Path) -> None:
    packed, plain = tmp_path / "packed.safetensors", tmp_path / "plain.safetensors"
    packed.write_bytes(export(source, "bitmask"))
    plain.write_bytes(export(source, "safetensors"))
    assert packed.stat().st_size < plain.stat().st_size / 3
    loader = Path(onnx_file.__file__).with_name("load_bitmask.py")
    (tmp_path / "load_bitmask.py").write_bytes(loader.read_bytes())
    program = (
        "sys.path.insert(0, sys.argv[1])\nimport load_bitmask, torch, safetensors.torch\n"
        "one, other = load_bitmask.load_bitmask(sys.argv[2]), safetensors.torch.load_file(sys.argv[3])\n"
        "print(one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one))"
    )
    assert alone(program, tmp_path, packed, plain) == "True"


def test_the_report_opens_without_a_network_and_says_the_figures(source: Source) -> None:
    page = export(source, "report").decode()
    assert f"Exactly {source.result.zeros:,} of {source.result.weights:,} weights are zero" in page
    assert all(row.name in page for row in source.result.layers)
    assert "0.95 (changed)" in page
    for sign in ("src=", "href=", "@import", "url("):
        assert sign not in page[: page.index("<script>")]


def test_the_recipe_is_the_run(source: Source, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_bytes(export(source, "recipe"))
    out = tmp_path / "again"
    assert main(["run", str(tmp_path / "recipe.toml"), "--out", str(out)]) == 0
    again = load_file(out / "model.safetensors")
    assert all(torch.equal(again[name], tensor) for name, tensor in source.tensors.items())


def test_tables_and_program(source: Source) -> None:
    rows = json.loads(export(source, "json"))
    assert sum(row["zeros"] for row in rows) == source.result.zeros
    assert len(export(source, "csv").decode().splitlines()) == len(rows) + 1
    assert 'card("digits-resnet20")' in export(source, "snippet").decode()


def test_a_file_that_does_not_say_the_same_is_not_offered(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {name: tensor + 0.5 if name == "linear.bias" else tensor for name, tensor in source.tensors.items()}
    other = replace(source, tensors=wrong)
    content = onnx_file.exported(other)
    monkeypatch.setattr(onnx_file, "exported", lambda source: content)
    with pytest.raises(RunError, match="onnxruntime says something else"):
        export(source, "onnx")
    dense = {name: tensor.where(tensor != 0, 1e-9 * torch.ones(())) for name, tensor in source.tensors.items()}
    with pytest.raises(RunError, match="does not say the zeros"):
        export(replace(source, tensors=dense), "csv")


def test_what_is_offered_is_there(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert set(OFFERED) == set(FORMATS)
    with pytest.raises(InputError, match="There is no format"):
        export(source_of(open_store(str(store)), "digits-vit"), "docx")
    assert main(["export", "digits-vit", "--format", "docx", "--out", "x", "--store", str(store)]) == 2
    assert "onnx" in capsys.readouterr().err
