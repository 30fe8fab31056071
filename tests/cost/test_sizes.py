"""The bytes of a toy net are those counted by hand, and those of real files."""

from __future__ import annotations

import json
import warnings
import zlib
from pathlib import Path

import pytest
import torch
import zstandard
from safetensors.torch import load, save_file
from torch import Tensor

from fcpts_core.cli import main
from fcpts_core.cost.command import sizes_json, sizes_text
from fcpts_core.cost.sizes import FORMATS, TensorSize, csr_bytes, is_two_four, sizes, total
from fcpts_core.export.bitmask import bitmask_file, save_bitmask


def toy() -> dict[str, Tensor]:
    """A 2x4x1x3 convolution with three weights, a full linear layer of 4 channels, a bias and a counter."""
    conv = torch.zeros(2, 4, 1, 3)
    conv[0, 0, 0, 0], conv[0, 3, 0, 0], conv[1, 2, 0, 1] = 1.5, -2.0, 0.25
    return {
        "conv": conv,
        "linear": torch.ones(3, 4, dtype=torch.float16),
        "bias": torch.tensor([0.0, 1.0]),
        "count": torch.tensor(0),
    }


def by_name() -> dict[str, TensorSize]:
    return {part.name: part for part in sizes(toy())}


def test_the_toy_net_is_counted_as_by_hand() -> None:
    found = by_name()
    conv = found["conv"]
    assert (conv.shape, conv.dtype, conv.weights, conv.zeros, conv.two_four) == ((2, 4, 1, 3), "float32", 24, 21, True)
    # 24 weights of 4 bytes; 24 bits and 3 values; 3 values, 3 columns, 3 row pointers
    assert (conv.bytes["dense"], conv.bytes["bitmask"], conv.bytes["csr"]) == (96, 3 + 12, 12 + 12 + 12)
    linear = found["linear"]
    assert (linear.weights, linear.zeros, linear.two_four) == (12, 0, False)
    assert (linear.bytes["dense"], linear.bytes["bitmask"], linear.bytes["csr"]) == (24, 2 + 24, 24 + 48 + 16)
    bias, count = found["bias"], found["count"]
    assert (bias.zeros, bias.two_four, bias.bytes["bitmask"], bias.bytes["csr"]) == (1, None, 1 + 4, 4 + 4 + 8)
    assert (count.shape, count.weights, count.zeros, count.two_four) == ((), 1, 1, None)
    assert (count.bytes["dense"], count.bytes["bitmask"], count.bytes["csr"]) == (8, 1, 8)


def test_the_total_leaves_dense_what_a_format_would_make_larger() -> None:
    found = total(sizes(toy()))
    assert (found.weights, found.zeros, found.two_four) == (24 + 12 + 2 + 1, 21 + 0 + 1 + 1, 24)
    assert found.bytes["dense"] == 96 + 24 + 8 + 8
    assert found.bytes["bitmask"] == 15 + 24 + 5 + 1
    assert found.bytes["csr"] == 36 + 24 + 8 + 8
    assert all(found.bytes[name] <= found.bytes["dense"] for name in FORMATS)


def test_zip_is_zlib_of_the_dense_bytes() -> None:
    conv = toy()["conv"]
    assert by_name()["conv"].bytes["zip"] == len(zlib.compress(conv.numpy().tobytes(), 6))


def test_zstd_gives_the_dense_bytes_back() -> None:
    conv = toy()["conv"]
    pressed = zstandard.compress(conv.numpy().tobytes(), 3)
    assert by_name()["conv"].bytes["zstd"] == len(pressed)
    assert zstandard.decompress(pressed) == conv.numpy().tobytes()


def test_csr_is_what_torch_stores() -> None:
    weight = torch.arange(60.0).view(5, 12) * (torch.arange(60).view(5, 12) % 7 == 0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")  # said once a process
        csr = weight.to_sparse_csr()
    parts = (csr.values(), csr.col_indices().int(), csr.crow_indices().int())
    assert csr_bytes(weight) == sum(part.nbytes for part in parts)


def test_bitmask_is_what_the_file_holds() -> None:
    weight = torch.zeros(100, 100)
    weight[::7, ::3] = 1.0
    weight[0, 1] = -0.0
    stored = load(bitmask_file({"weight": weight}))
    (found,) = sizes({"weight": weight})
    assert found.bytes["bitmask"] == sum(part.nbytes for part in stored.values())
    assert found.zeros == int((weight == 0).sum())


def test_two_four_is_what_a_slow_loop_says() -> None:
    source = torch.Generator().manual_seed(0)
    answers = set()
    for keep in (0.1, 0.2, 0.3, 0.5):
        for _ in range(20):
            weight = (torch.rand(2, 8, 2, generator=source) < keep).float()
            groups = [weight[o, i : i + 4, k] for o in range(2) for i in (0, 4) for k in range(2)]
            slow = all(int(group.count_nonzero()) <= 2 for group in groups)
            assert is_two_four(weight) == slow
            answers.add(slow)
    assert answers == {True, False}
    assert is_two_four(torch.zeros(4, 6)) is None
    assert is_two_four(torch.zeros(0, 4)) is None
    assert is_two_four(torch.zeros(8)) is None


def test_the_table_has_a_line_for_each_tensor_and_one_for_all() -> None:
    lines = sizes_text(sizes(toy())).splitlines()
    assert lines[0].split() == ["tensor", "shape", "type", "weights", "zeros", *FORMATS, "2:4"]
    assert [line.split()[0] for line in lines[1:6]] == ["conv", "linear", "bias", "count", "all"]
    assert lines[1].split()[1:7] == ["2x4x1x3", "float32", "24", "87.5%", "96", "15"]
    assert "satisfy 2:4" in lines[-1]
    assert sizes_text(()).splitlines()


def test_the_json_has_the_same_figures() -> None:
    parts = sizes(toy())
    found = json.loads(sizes_json(parts))
    assert [row["name"] for row in found["tensors"]] == list(toy())
    assert list(found["tensors"][0]) == ["name", "shape", "dtype", "weights", "zeros", "bytes", "two_four"]
    assert found["total"]["bytes"] == dict(total(parts).bytes)


def test_the_command_reads_dense_and_packed_files_alike(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    tensors = {"conv": toy()["conv"].repeat(8, 8, 1, 1), "bias": toy()["bias"]}
    save_file(tensors, tmp_path / "dense.safetensors")
    save_bitmask(tensors, tmp_path / "packed.safetensors")
    told = []
    for name in ("dense", "packed"):
        assert main(["cost", str(tmp_path / f"{name}.safetensors"), "--json"]) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert told[0] == told[1]
    assert main(["cost", str(tmp_path / "dense.safetensors")]) == 0
    assert "conv" in capsys.readouterr().out


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.bfloat16, torch.uint16, torch.int8, torch.bool])
def test_every_type_is_counted(dtype: torch.dtype) -> None:
    (found,) = sizes({"a": torch.eye(8).to(dtype)})
    assert (found.zeros, found.two_four, found.bytes["dense"]) == (56, True, 64 * dtype.itemsize)
    assert found.bytes["bitmask"] == 8 + 8 * dtype.itemsize


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["cost"], "arguments are required: ID|FILE"),
        (["cost", "no.safetensors"], "There is no weights file no.safetensors"),
        (["cost", __file__], "is of an unknown kind"),
    ],
)
def test_files_that_cannot_be_read_are_refused(capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert main(words) == 2
    assert said in capsys.readouterr().err


def test_it_tells_what_share_of_all_numbers_is_behind() -> None:
    told: list[float] = []
    tensors = {"a": torch.zeros(6, 5), "b": torch.ones(10)}
    assert sizes(tensors, told.append) == sizes(tensors)
    assert told == [0.75, 1.0]
