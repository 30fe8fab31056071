"""The command line: `fcpts run` and all that can be done with what it leaves behind; `fcpts --help` has the list.

It ends with 0 when all went well, 2 where something given cannot be used, 130 when it is interrupted and 1 where
anything else went wrong; then standard error says why, in a sentence. What needs torch is imported when it is needed,
so that help comes at once.
"""

from __future__ import annotations

import os
import sys
import traceback
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import fields, replace

from fcpts_core.engine.config import RunConfig
from fcpts_core.errors import InputError, RunError
from fcpts_core.export.recipe import Recipe, read_recipe
from fcpts_core.options import build_parser


def main(argv: Sequence[str] | None = None) -> int:
    """Does what the arguments (by default the program's own) say and returns the exit code."""
    try:
        arguments = build_parser().parse_args(argv)
        COMMANDS[arguments.command](arguments)
        sys.stdout.flush()
        return 0
    except SystemExit as end:  # after --help and --version
        return int(end.code or 0)
    except InputError as error:
        return _complain(str(error), 2)
    except RunError as error:
        return _complain(str(error), 1)
    except KeyboardInterrupt as stop:
        return _complain(str(stop) or "Interrupted.", 130)
    except BrokenPipeError:
        # Whoever read the output has stopped reading; python's own flush at the end must not stumble over that.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        traceback.print_exc()
        return _complain(f"Stopped on an unforeseen error, {type(error).__name__}: report it with the lines above.", 1)


def run(arguments: Namespace) -> None:
    """Follows one run to its end, keeps it, prints its result and writes its files."""
    from fcpts_core.store import command

    recipe = recipe_from(arguments)
    _ready(recipe.config)
    if arguments.download:
        _fetch_data(recipe.config)
    if arguments.dry_run:
        _tell_estimate(recipe, arguments.json)
    else:
        command.run(arguments, recipe)


def resume(arguments: Namespace) -> None:
    """Goes on with a run that did not end."""
    from fcpts_core.models import factories
    from fcpts_core.store import command

    factories.allow()
    command.resume(arguments)


def runs(arguments: Namespace) -> None:
    """Prints the runs that are kept."""
    from fcpts_core.store import command

    command.runs(arguments)


def export(arguments: Namespace) -> None:
    """Writes the result of a run in another format."""
    from fcpts_core.store import exporting

    exporting.export(arguments)


def delete(arguments: Namespace) -> None:
    """Removes runs for good."""
    from fcpts_core.store import command

    command.delete(arguments)


def models(arguments: Namespace) -> None:
    """Prints the models by name."""
    from fcpts_core.models.listing import models_json, models_text

    print(models_json() if arguments.json else models_text())


def download(arguments: Namespace) -> None:
    """Fetches the weights of models."""
    from fcpts_core.models.obtaining import obtain

    for name in arguments.models:
        print(obtain(name))


def data(arguments: Namespace) -> None:
    """Prints the sets of images by name."""
    from fcpts_core.data.sources.listing import sources_json, sources_text

    print(sources_json() if arguments.json else sources_text())


def methods(arguments: Namespace) -> None:
    """Prints the methods by name."""
    from fcpts_core.summary import methods_json, methods_text

    print(methods_json() if arguments.json else methods_text())


def compare(arguments: Namespace) -> None:
    """Runs what is missing of a grid of models, methods and sparsities, and prints the table."""
    from fcpts_core.compare import command
    from fcpts_core.models import factories

    factories.allow()
    command.compare(arguments)


def cost(arguments: Namespace) -> None:
    """Prints what the tensors of a file take in bytes."""
    from fcpts_core.cost import command

    command.cost(arguments)


def pack(arguments: Namespace) -> None:
    """Writes a sparse model without its zeros."""
    from fcpts_core.export import command

    command.pack(arguments)


def unpack(arguments: Namespace) -> None:
    """Writes a packed model with its zeros."""
    from fcpts_core.export import command

    command.unpack(arguments)


COMMANDS = {
    "run": run,
    "runs": runs,
    "resume": resume,
    "export": export,
    "delete": delete,
    "compare": compare,
    "cost": cost,
    "pack": pack,
    "unpack": unpack,
    "models": models,
    "download": download,
    "methods": methods,
    "data": data,
}


def _ready(config: RunConfig) -> None:
    """Whoever types a command may name code of their own, and waits for a download that they asked for."""
    from fcpts_core.models import factories
    from fcpts_core.models.obtaining import obtain_for

    factories.allow()
    obtain_for(config.model, config.weights, config.random_weights)


def config_from(arguments: Namespace) -> RunConfig:
    """The run that the arguments ask for; raises InputError where they contradict each other."""
    return recipe_from(arguments).config


def recipe_from(arguments: Namespace) -> Recipe:
    """The run and its threads: what the options say, else what the recipe says, else the defaults."""
    base = read_recipe(arguments.recipe) if arguments.recipe else Recipe(RunConfig())
    named = (item.name for item in fields(RunConfig))
    given = {name: value for name in named if (value := getattr(arguments, name, None)) is not None}
    given |= {name: tuple(given[name]) for name in ("exclude", "include") if name in given}
    before, overrides = dict(base.config.overrides), _overrides(arguments)
    if "allocation" in overrides:
        before.pop("given", None)  # of another allocation than the recipe's
    config = replace(base.config, **given, overrides={**before, **overrides})
    if (config.mean is None) != (config.std is None):
        raise InputError("Only one of --mean and --std is given: they belong together, give both or neither.")
    return Recipe(config, arguments.threads or base.threads)


def _fetch_data(config: RunConfig) -> None:
    """Downloads the named set of images if it is not on the disk."""
    from fcpts_core.data.sources.fetching import fetch
    from fcpts_core.data.sources.registry import SOURCES

    if config.data is None or config.data not in SOURCES:
        raise InputError(f"There is nothing to download: give --data with one of {', '.join(SOURCES)}.")
    fetch(SOURCES[config.data])


def _tell_estimate(recipe: Recipe, as_json: bool) -> None:
    """Prints what the run would take, from a few learning steps on one batch."""
    import json

    from fcpts_core.engine.estimate import estimate
    from fcpts_core.engine.threads import all_threads, torch_threads
    from fcpts_core.estimate_text import estimate_text

    with torch_threads(recipe.threads or all_threads()):
        found = estimate(recipe.config)
    print(json.dumps(found.to_json()) if as_json else estimate_text(found))


def _overrides(arguments: Namespace) -> dict[str, object]:
    overrides: dict[str, object] = {}
    short = [(name, getattr(arguments, name)) for name in ("steps", "learning_rate")]
    for name, value in [*arguments.set, *((name, value) for name, value in short if value is not None)]:
        if name in overrides:
            raise InputError(f"The setting {name} is given more than once: give it once.")
        overrides[name] = value
    if arguments.allocation_from is not None:
        from fcpts_core.allocation.given import from_table

        if taken := sorted({"allocation", "given"} & overrides.keys()):
            raise InputError(f"Both --allocation-from and --set {taken[0]} say the allocation: give one of them.")
        overrides |= {"allocation": "given", "given": from_table(arguments.allocation_from)}
    return overrides


def _complain(sentence: str, code: int) -> int:
    print(f"fcpts: {' '.join(sentence.split())}", file=sys.stderr)
    return code
