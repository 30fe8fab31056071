"""Weights from files: what fits comes in bit for bit, and every way a file can be wrong has its sentence."""

import hashlib
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from fcpts_core.errors import InputError
from fcpts_core.models.weights import load_into, read_weights

State = dict[str, Tensor]


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Linear(2, 3))


@pytest.fixture
def state() -> State:
    return {name: tensor.clone() for name, tensor in network().state_dict().items()}


def loaded(path: Path) -> State:
    module = network()
    load_into(module, read_weights(path))
    return module.state_dict()


def saved(path: Path, tensors: State) -> Path:
    safetensors.torch.save_file(tensors, path)
    return path


def assert_same(left: State, right: State) -> None:
    assert left.keys() == right.keys()
    for name, tensor in left.items():
        assert torch.equal(tensor, right[name]), name


def test_safetensors_come_in_bit_for_bit_with_their_checksum(tmp_path: Path, state: State) -> None:
    path = saved(tmp_path / "w.safetensors", state)
    assert_same(loaded(path), state)
    assert read_weights(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("suffix", ["pt", "pth", "th"])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"state_dict": {f"module.{name}": tensor for name, tensor in state.items()}},
    ],
    ids=["bare", "wrapped", "data-parallel"],
)
def test_state_dicts_of_pytorch(tmp_path: Path, state: State, suffix: str, wrap: Callable[[State], object]) -> None:
    torch.save(wrap(state), tmp_path / f"w.{suffix}")
    assert_same(loaded(tmp_path / f"w.{suffix}"), state)


def test_a_state_dict_in_pytorch_s_old_format(tmp_path: Path, state: State) -> None:
    torch.save(state, tmp_path / "w.th", _use_new_zipfile_serialization=False)
    assert_same(loaded(tmp_path / "w.th"), state)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floats_become_float32(tmp_path: Path, state: State, dtype: torch.dtype) -> None:
    cast = {name: tensor.to(dtype) if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    found = loaded(saved(tmp_path / "w.safetensors", cast))
    assert_same(found, {name: cast[name].to(tensor.dtype) for name, tensor in state.items()})


def test_batch_counters_may_be_missing(tmp_path: Path, state: State) -> None:
    del state["1.num_batches_tracked"]
    loaded(saved(tmp_path / "w.safetensors", state))


def truncated(folder: Path, state: State) -> Path:
    path = saved(folder / "w.safetensors", state)
    path.write_bytes(path.read_bytes()[:-10])
    return path


def renamed(folder: Path, state: State) -> Path:
    torch.save(state, folder / "w.pt")
    return (folder / "w.pt").rename(folder / "w.safetensors")


def truncated_torch(folder: Path, state: State) -> Path:
    torch.save(state, folder / "w.pt")
    (folder / "w.pt").write_bytes((folder / "w.pt").read_bytes()[:200])
    return folder / "w.pt"


def written(name: str, content: bytes) -> Callable[[Path, State], Path]:
    def write(folder: Path, state: State) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


class Mischief:
    """Unpickling it would create a file."""

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, ("mischief.txt", "w")


def pickled(folder: Path, state: State) -> Path:
    (folder / "w.pt").write_bytes(pickle.dumps(Mischief()))
    return folder / "w.pt"


def whole_module(folder: Path, state: State) -> Path:
    torch.save(network(), folder / "w.pt")
    return folder / "w.pt"


def with_mischief(folder: Path, state: State) -> Path:
    torch.save({"state_dict": state, "args": Mischief()}, folder / "w.pt")
    return folder / "w.pt"


def a_list(folder: Path, state: State) -> Path:
    torch.save(list(state.values()), folder / "w.pt")
    return folder / "w.pt"


def extra_values(folder: Path, state: State) -> Path:
    torch.save({**state, "epoch": 3}, folder / "w.pt")
    return folder / "w.pt"


def no_tensors(folder: Path, state: State) -> Path:
    return saved(folder / "w.safetensors", {})


BAD_FILES = [
    (lambda folder, state: folder / "w.safetensors", "There is no weights file"),
    (lambda folder, state: folder / ("x" * 300), "There is no weights file"),
    (lambda folder, state: folder, "is a folder"),
    (written("w.safetensors", b""), "is empty"),
    (written("w.pt", b""), "is empty"),
    (written("w.txt", b"hello"), r"unknown kind: expected \.safetensors"),
    (written("w.safetensors", b"hello, this is text"), "cannot be read as safetensors"),
    (written("w.pt", b"hello, this is text"), "cannot be read as a PyTorch state dict"),
    (truncated, "cannot be read as safetensors"),
    (truncated_torch, "cannot be read as a PyTorch state dict"),
    (renamed, "cannot be read as safetensors"),
    (pickled, "PyTorch state dict|could run code"),
    (whole_module, "could run code"),
    (with_mischief, "could run code"),
    (a_list, "holds a list"),
    (extra_values, "more than tensors: epoch"),
    (no_tensors, "holds no tensors"),
]


@pytest.mark.parametrize(("make", "sentence"), BAD_FILES)
def test_an_unreadable_file_has_its_sentence(
    tmp_path: Path, state: State, make: Callable[[Path, State], Path], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = make(tmp_path, state)
    with pytest.raises(InputError, match=sentence):
        read_weights(path)
    assert not (tmp_path / "mischief.txt").exists()


def test_names_and_shapes_that_do_not_fit_are_listed(tmp_path: Path, state: State) -> None:
    state["2.weight"] = torch.zeros(3, 4)
    state["3.weight"] = state.pop("0.weight")
    with pytest.raises(InputError) as refusal:
        loaded(saved(tmp_path / "w.safetensors", state))
    sentence = str(refusal.value)
    assert "missing: 0.weight" in sentence
    assert "unexpected: 3.weight" in sentence
    assert "wrong shape: 2.weight [3, 4] instead of [3, 2]" in sentence


def test_of_many_names_five_are_listed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing: 0\.weight, 0\.bias, .* and 3 more"):
        loaded(saved(tmp_path / "w.safetensors", {"other": torch.zeros(1)}))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_named(tmp_path: Path, state: State, value: float) -> None:
    state["2.bias"][1] = value
    with pytest.raises(InputError, match=r"not finite .* in 2\.bias:"):
        loaded(saved(tmp_path / "w.safetensors", state))


def test_doubles_beyond_float32_are_not_finite(tmp_path: Path, state: State) -> None:
    state["2.bias"] = torch.full((3,), 1e300, dtype=torch.float64)
    with pytest.raises(InputError, match=r"not finite"):
        loaded(saved(tmp_path / "w.safetensors", state))


def test_whole_numbers_are_no_weights(tmp_path: Path, state: State) -> None:
    state["2.weight"] = torch.zeros(3, 2, dtype=torch.int8)
    with pytest.raises(InputError, match=r"wrong type: 2\.weight \(torch\.int8\)\. Expected float32"):
        loaded(saved(tmp_path / "w.safetensors", state))


def test_a_refusal_leaves_the_network_as_it_was(tmp_path: Path, state: State) -> None:
    module = network()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    state["2.bias"][0] = float("nan")
    with pytest.raises(InputError):
        load_into(module, read_weights(saved(tmp_path / "w.safetensors", state)))
    assert_same(module.state_dict(), before)
