"""What the store says where the file system does not do what it is asked."""

from __future__ import annotations

from pathlib import Path

from fcpts_core.store.place import StoreError


def folder_at(path: Path) -> None:
    """Makes the folder where there is none."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error


class sentences:  # noqa: N801 - reads as a function
    """Errors of the file system as sentences."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise unwritable(self.path, error) from error


def unwritable(path: Path, error: OSError) -> StoreError:
    """The sentence for a file system that refused to write there."""
    return StoreError(
        f"The store cannot write to {path} ({error.strerror or error}): expected a directory in which files may be "
        "written, on a disk with room; name another one with --store or FCPTS_STORE."
    )
