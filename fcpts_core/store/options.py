"""The options of the commands that deal with kept runs."""

from __future__ import annotations

import argparse
from typing import Any

FORMATS = ("safetensors", "bitmask", "onnx", "csv", "json", "recipe", "report", "record", "snippet")
HELP = "directory of kept runs (default: FCPTS_STORE, else the platform's directory for data)"


def add_commands(commands: Any) -> None:
    """`runs`, `resume`, `export` and `delete`, and `--store` for every command there is."""
    _add_runs(commands.add_parser("runs", help="list the runs that are kept", allow_abbrev=False))
    _add_resume(commands.add_parser("resume", help="go on with a run that did not end", allow_abbrev=False))
    _add_export(commands.add_parser("export", help="take the result of a run out", allow_abbrev=False))
    delete = commands.add_parser("delete", help="remove runs for good", allow_abbrev=False)
    delete.add_argument("ids", metavar="ID", nargs="+", help="see `fcpts runs`")
    for parser in commands.choices.values():
        parser.add_argument("--store", metavar="DIR", help=HELP)


def _add_runs(parser: argparse.ArgumentParser) -> None:
    parser.description = "List all runs that are kept, whatever started them, the newest first."
    parser.add_argument("--repair", action="store_true", help="build a damaged index anew from the runs' folders")
    parser.add_argument("--json", action="store_true", help="print one JSON list instead of text")


def _add_resume(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Go on with a run that was interrupted or stopped, from its last checkpoint: it ends with the same bits as if "
        "nothing had happened."
    )
    parser.add_argument("id", metavar="ID", help="see `fcpts runs`")
    parser.add_argument("--out", metavar="DIR", help="write the files of the result there, as `fcpts run` does")
    parser.add_argument("--json", action="store_true", help="print the result as one line of JSON")


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.description = "Write the result of a run in another format; it is read back and compared before."
    parser.add_argument("id", metavar="ID", help="see `fcpts runs`")
    parser.add_argument("--format", metavar="FORMAT", required=True, choices=FORMATS, help=", ".join(FORMATS))
    parser.add_argument("--out", metavar="PATH", required=True, help="the file to write")
