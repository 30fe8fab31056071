"""A network that has a bit of everything, from the command line to the files: shared weights, a transposed convolution,
attention, an output by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fcpts_core.cli import main
from fcpts_core.models import factories

HERE = "tests.engine.test_own_model:mixed"
WIDTH = 8


class Mixed(nn.Module):
    """Segments pictures of 12x12 pixels into three classes; says a dict."""

    input_size, mean, std, classes, task = 12, (0.5, 0.4, 0.6), (0.2, 0.25, 0.3), 3, "segmentation"

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, WIDTH, 3, 2, 1)
        self.attention = nn.MultiheadAttention(WIDTH, 2, batch_first=True)
        self.norm = nn.LayerNorm(WIDTH)
        self.first, self.second = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.second.weight = self.first.weight
        self.depthwise = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, groups=WIDTH)
        self.up = nn.ConvTranspose2d(WIDTH, 3, 2, 2)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        seen = self.embed(x)
        tokens = seen.flatten(2).transpose(1, 2)
        tokens = self.norm(tokens + self.attention(tokens, tokens, tokens, need_weights=False)[0])
        tokens = tokens + self.second(F.gelu(self.first(tokens)))
        grid = tokens.transpose(1, 2).reshape(seen.shape)
        return {"out": self.up(F.relu(self.depthwise(grid)))}


def mixed() -> nn.Module:
    torch.manual_seed(3)
    return Mixed()


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(factories, "_allowed", True)
    factories.card_of.cache_clear()
    values = np.random.default_rng(0).integers(0, 256, (24, 12, 12, 3), dtype=np.uint8)
    np.savez(tmp_path / "pictures.npz", images=values)
    return str(tmp_path / "pictures.npz")


@pytest.mark.parametrize(
    "method",
    [
        ("fcpts", "--steps", "2", "--set", "objective=blocks+logits"),
        ("best", "--steps", "2"),
        ("pot", "--steps", "4"),
        ("uniform",),
        ("obc",),
    ],
    ids=lambda method: method[0],
)
def test_it_is_pruned_exactly_and_its_file_loads_into_the_plain_network(
    tmp_path: Path, pictures: str, capsys: pytest.CaptureFixture[str], method: tuple[str, ...]
) -> None:
    out = tmp_path / "out"
    given = ["run", "--model", HERE, "--images", pictures, "--test", pictures, "--sparsity", "0.6", "--method", *method]
    few = ["--set", "batch_size=8"] if len(method) > 1 else []
    code = main([*given, *few, "--json", "--out", str(out)])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    result: dict[str, Any] = json.loads(printed.out.splitlines()[-1])
    names = [row["name"] for row in result["layers"]]
    parts = [f"attention.{part}" for part in ("q", "k", "v", "out_proj")]
    assert names == ["embed", *parts, "first", "depthwise", "up"]
    assert result["zeros"] == round(0.6 * result["weights"]) == sum(row["zeros"] for row in result["layers"])
    assert result["agreement"] is not None

    plain = Mixed()
    state = safetensors.torch.load_file(out / "model.safetensors")
    plain.load_state_dict(state, strict=True)
    assert plain.second.weight is plain.first.weight
    matrices = [plain.embed.weight, plain.first.weight, plain.depthwise.weight, plain.up.weight]
    attention = [plain.attention.in_proj_weight, plain.attention.out_proj.weight]
    assert sum(int((matrix == 0).sum()) for matrix in (*matrices, *attention)) == result["zeros"]


def test_layers_are_included_and_excluded(pictures: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["run", "--model", HERE, "--images", pictures, "--sparsity", "0.5", "--method", "uniform", "--json"]
    assert main([*given, "--include", "attention.*", "--include", "up", "--exclude", "*.out_proj"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [row["name"] for row in result["layers"]] == ["attention.q", "attention.k", "attention.v", "up"]
