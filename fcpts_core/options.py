"""The options of the command line and how their texts are read."""

from __future__ import annotations

import argparse
import math
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NoReturn

from fcpts_core.engine.config import RunConfig
from fcpts_core.errors import InputError
from fcpts_core.export.recipe import MAX_THREADS
from fcpts_core.store.options import add_commands

DEFAULT = RunConfig()


class Parser(argparse.ArgumentParser):
    """Says what is wrong in the way that all bad input is answered."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message[:1].upper()}{message[1:].rstrip('.')}; `{self.prog} --help` lists what there is.")


def build_parser() -> Parser:
    """The parser of the whole command; it leaves the chosen command's name in `command`."""
    parser = Parser(prog="fcpts", description="Exactly sparse models by learned thresholds.", allow_abbrev=False)
    parser.add_argument("--version", action=_Version, help="print the version")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    _add_run(commands.add_parser("run", help="prune a model to a target sparsity", allow_abbrev=False))
    _add_compare(commands.add_parser("compare", help="compare methods at several sparsities", allow_abbrev=False))
    _add_cost(commands.add_parser("cost", help="what the zeros of a model buy", allow_abbrev=False))
    _add_packing(commands.add_parser("pack", help="leave the zeros of a model out of its file", allow_abbrev=False))
    _add_packing(commands.add_parser("unpack", help="put them back", allow_abbrev=False))
    fetching = commands.add_parser("download", help="fetch the weights of models", allow_abbrev=False)
    fetching.description = "Fetch the published weights of models into torch.hub's folder, checked and resumed."
    fetching.add_argument("models", metavar="NAME", nargs="+", help="see `fcpts models`")
    for name, what in (("models", "models"), ("methods", "methods"), ("data", "sets of images")):
        listing = commands.add_parser(name, help=f"list the {what}", allow_abbrev=False)
        listing.add_argument("--json", action="store_true", help="print one JSON list instead of text")
    add_commands(commands)
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.description = "Prune a model until exactly the target share of its weights is zero, and measure it."
    add = parser.add_argument
    add("recipe", metavar="RECIPE", nargs="?", help="a TOML file with a run; options given beside it go before it")
    add(
        "--model",
        metavar="NAME",
        help=f"see `fcpts models`, or package.module:function of your own (default: {DEFAULT.model})",
    )
    add("--method", metavar="NAME", help=f"see `fcpts methods` (default: {DEFAULT.method})")
    add(
        "--sparsity",
        metavar="R",
        type=_number,
        help=f"target share of zero weights, between 0 and 1 (default: {DEFAULT.sparsity})",
    )
    add("--weights", metavar="FILE", help="your own weights, .safetensors or a PyTorch state dict")
    add(
        "--random-weights",
        action="store_const",
        const=True,
        help="draw the weights by the seed instead: for trials of time and memory, accuracies mean nothing then",
    )
    add("--images", metavar="PATH", help="calibration images: .npz, a folder or a .zip (default: the model's own)")
    add("--test", metavar="PATH", help="labelled test images, likewise")
    add(
        "--data",
        metavar="NAME",
        help="calibration and test images by name (digits, cifar10, cifar100, imagenette, voc-segmentation, "
        "voc-detection), a folder with train/ and test/ or val/, or `synthetic` for calibration without data",
    )
    add("--dry-run", action="store_true", help="only say how long the run will take, and how much memory")
    add("--download", action="store_true", help="fetch the --data if it is not on this disk")
    add("--resize", metavar="N", type=_whole, help="shorter side in pixels before the crop, 0 for as it is")
    add("--crop", metavar="N", type=_whole, help="side of the middle that is cut out (default: the model's)")
    add("--mean", metavar="A,B,C", type=_numbers, help="mean of each channel on the 0..1 scale")
    add("--std", metavar="A,B,C", type=_numbers, help="standard deviation of each channel on the 0..1 scale")
    add(
        "--calibration-size",
        metavar="K",
        type=_whole,
        help=f"use the first K calibration images (default: {DEFAULT.calibration_size})",
    )
    add("--steps", metavar="N", type=_whole, help="learning steps (default: the method's)")
    add("--learning-rate", metavar="X", type=_number, help="learning rate of the weights (default: the method's)")
    add(
        "--set",
        metavar="KEY=VALUE",
        type=_pair,
        action="append",
        default=[],
        help="change another setting of the method; `fcpts methods --json` lists them; may be repeated",
    )
    add("--include", metavar="LAYER", action="append", help="prune only these layers, named likewise; may be repeated")
    add(
        "--exclude",
        metavar="LAYER",
        action="append",
        help="keep these layers dense: a name, a pattern such as 'layer1.*', or a type such as Linear; may be repeated",
    )
    add("--seed", metavar="S", type=_whole, help=f"seed of all chance (default: {DEFAULT.seed})")
    add("--device", metavar="D", help=f"cpu, cuda or mps (default: {DEFAULT.device})")
    add("--threads", metavar="N", type=_threads, help="processor threads (default: all cores)")
    add(
        "--sensitivities",
        metavar="FILE",
        help="what each layer costs alone, the sensitivity.json of an earlier run, instead of measuring it again",
    )
    add(
        "--allocation-from",
        metavar="FILE",
        help="the sparsities of all layers as in the allocation.csv of an earlier run, scaled to the target",
    )
    add("--out", metavar="DIR", help="write the sparse weights, the allocation and the record of the run there")
    add("--id", metavar="NAME", help="keep the run under this name (default: one that is made up)")
    add("--json", action="store_true", help="print the result as one line of JSON")


def _add_compare(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Run every model with every method at every sparsity and seed, and put the figures side by side. "
        "What is in the directory already is not run again, so a comparison that was stopped goes on where it was."
    )
    add = parser.add_argument
    add("--models", metavar="A,B", default=DEFAULT.model, help="see `fcpts models` (default: %(default)s)")
    add(
        "--methods",
        metavar="A,B",
        required=True,
        help="see `fcpts methods`; METHOD:KEY=VALUE changes a setting of one, as in best:allocation=erk",
    )
    add("--sparsities", metavar="R,R", default="0.7,0.8,0.9,0.95", help="target shares (default: %(default)s)")
    add("--seeds", metavar="S,S", default="0", help="seeds, one run each (default: %(default)s)")
    for option, what in (
        ("weights", "your own weights"),
        ("images", "calibration images"),
        ("test", "test images"),
        ("data", "images by name, or a folder with train/ and test/"),
        ("sensitivities", "a sensitivity.json of an earlier run"),
    ):
        add(
            f"--{option}",
            metavar="[MODEL=]PATH",
            action="append",
            default=[],
            help=f"{what}, for every model or for the one named; may be repeated",
        )
    add("--resize", metavar="N", type=_whole, help="shorter side in pixels before the crop, 0 for as it is")
    add("--crop", metavar="N", type=_whole, help="side of the middle that is cut out (default: the model's)")
    add("--random-weights", action="store_true", help="draw the weights by the seed: accuracies mean nothing then")
    add("--mean", metavar="A,B,C", type=_numbers, help="mean of each channel on the 0..1 scale")
    add("--std", metavar="A,B,C", type=_numbers, help="standard deviation of each channel on the 0..1 scale")
    add("--calibration-size", metavar="K", type=_whole, default=DEFAULT.calibration_size, help="calibration images")
    add("--steps", metavar="N", type=_whole, help="learning steps of every method (default: each method's own)")
    add("--set", metavar="KEY=VALUE", type=_pair, action="append", default=[], help="a setting for every method")
    add("--exclude", metavar="LAYER", action="append", default=[], help="keep these layers dense; may be repeated")
    add("--include", metavar="LAYER", action="append", default=[], help="prune only these layers; may be repeated")
    add("--device", metavar="D", default=DEFAULT.device, help="cpu, cuda or mps (default: %(default)s)")
    add("--threads", metavar="N", type=_threads, help="processor threads (default: all cores)")
    add("--out", metavar="DIR", required=True, help="where the cells and the table are kept")
    add("--json", action="store_true", help="print the table as one JSON list")


def _add_cost(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Count what each tensor of a model takes in bytes, dense and in formats that leave zeros out; for a kept run "
        "also its multiply-adds, how long it takes in the runtimes that are installed, and which engines use its zeros."
    )
    parser.add_argument("file", metavar="ID|FILE", help="a kept run, or weights, .safetensors or a PyTorch state dict")
    parser.add_argument("--batch", metavar="N", type=_whole, default=1, help="images at a time (default: 1)")
    parser.add_argument("--threads", metavar="N", type=_threads, help="processor threads (default: those of the run)")
    parser.add_argument("--no-latency", action="store_true", help="count only, measure nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def _add_packing(parser: argparse.ArgumentParser) -> None:
    parser.description = "Dense files of sparse models become bitmask files, and the other way round, bit for bit."
    parser.add_argument("file", metavar="FILE", help="the file to read")
    parser.add_argument("out", metavar="OUT", help="the .safetensors file to write")


def installed_version() -> str:
    """The version of the installed package, or of the checkout that this runs from."""
    try:
        return version("fcpts-playground")
    except PackageNotFoundError:
        project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
        return str(project["version"])


class _Version(argparse.Action):
    def __init__(self, option_strings: list[str], dest: str, help: str) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *rest: Any) -> NoReturn:
        print(f"fcpts {installed_version()}")
        parser.exit()


def _number(text: str) -> float:
    if text.endswith("%"):
        raise argparse.ArgumentTypeError(f"{text} is a percentage, expected a share such as 0.95 for 95%")
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def _numbers(text: str) -> tuple[float, ...]:
    numbers = tuple(_number(part.strip()) for part in text.split(","))
    if not all(map(math.isfinite, numbers)):
        raise argparse.ArgumentTypeError(f"{text!r} holds numbers that are not finite")
    return numbers


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def _threads(text: str) -> int:
    count = _whole(text)
    if not 1 <= count <= MAX_THREADS:
        raise argparse.ArgumentTypeError(f"{count} threads are asked for, expected 1 to {MAX_THREADS}")
    return count


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} is no setting, expected KEY=VALUE such as temperature=2")
    return name.strip().replace("-", "_"), value.strip()
