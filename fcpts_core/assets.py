"""Where the files that ship with the project are: models, recordings, pictures, texts."""

from __future__ import annotations

from pathlib import Path

from fcpts_core.errors import InputError

PACKAGE = Path(__file__).parent


def asset(*parts: str) -> Path:
    """The path of a file or folder below `assets/`: `asset("models", "digits-vit.safetensors")`.

    In a checkout the assets lie beside the package, in an installed wheel inside it. Raises InputError if there is
    nothing of that name.
    """
    installed = PACKAGE / "_assets"
    root = installed if installed.is_dir() else PACKAGE.parent / "assets"
    path = root.joinpath(*parts)
    if not path.exists():
        raise InputError(
            f"The file {'/'.join(('assets', *parts))} is missing: expected it at {path}. "
            "It comes with the project, so fetch the repository or install the package again."
        )
    return path
