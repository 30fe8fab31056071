"""What is known of a set of images before it is read, and where its files lie."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fcpts_core.data.folder import Content, Wanted
from fcpts_core.errors import InputError

VARIABLE = "FCPTS_DATA"
APPLICATION = "fcpts-playground"

PARTS = ("train", "test")


@dataclass(frozen=True)
class Source:
    """`read` gives a part of it, "train" or "test", as a network wants it, from the directory where its files lie.

    `classes` is how many a network may tell apart for its labels to mean these, empty where any may; `download`
    fetches the files into that directory, `size` says how much that is, `host` from where. Bundled data has no
    `download`; sets from one archive share a `folder`. `side` is the height and width of all images, 0 for photographs.
    """

    name: str
    title: str
    task: str
    classes: tuple[int, ...]
    read: Callable[[Path, str, Wanted], Content]
    is_there: Callable[[Path], bool]
    licence: str
    download: Callable[[Path], None] | None = None
    size: str = ""
    host: str = ""
    flippable: bool = True
    folder: str = ""
    side: int = 0

    @property
    def directory(self) -> Path:
        return data_directory() / (self.folder or self.name)

    @property
    def on_disk(self) -> bool:
        return self.download is None or self.is_there(self.directory)

    def require(self) -> None:
        """InputError where the files are not there."""
        if not self.on_disk:
            raise InputError(
                f"{self.name} is not on this disk: expected in {self.directory}. Add --download to fetch {self.size} "
                f"from {self.host}, or put the files there yourself."
            )


def data_directory() -> Path:
    """Where downloaded sets lie: `FCPTS_DATA`, else the platform's place for what can be fetched again."""
    if named := os.environ.get(VARIABLE):
        return Path(named).expanduser()
    import platformdirs

    return platformdirs.user_cache_path(APPLICATION, appauthor=False) / "data"
