"""Fetching public sets with torchvision's own tools, which check what they fetched. Nothing here happens unasked."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fcpts_core.data.sources.source import Source
from fcpts_core.errors import InputError, RunError
from fcpts_core.models.torchvision_guard import import_torchvision

TIMEOUT = 30.0
"""Seconds without a byte after which a server counts as unreachable."""


def fetch(source: Source) -> None:
    """Downloads what is not there yet; RunError where that does not succeed."""
    if source.download is None or source.on_disk:
        return
    try:
        source.directory.mkdir(parents=True, exist_ok=True)
        with _timeout():
            source.download(source.directory)
    except InputError:
        raise
    except Exception as error:  # urllib, ssl, tarfile and torchvision each have their own
        raise RunError(
            f"{source.name} could not be fetched from {source.host} ({type(error).__name__}: {error}): connect to the "
            f"network and try again, or put the files into {source.directory} yourself."
        ) from error


def by_dataset(name: str, *parts: dict[str, Any]) -> Callable[[Path], None]:
    """Downloads with a class of `torchvision.datasets`, once for each of `parts`."""

    def download(directory: Path) -> None:
        import_torchvision()
        from torchvision import datasets

        for options in parts:
            getattr(datasets, name)(directory, **options, download=True)

    return download


def by_archive(url: str, md5: str) -> Callable[[Path], None]:
    """Downloads an archive and unpacks it."""

    def download(directory: Path) -> None:
        import_torchvision()
        from torchvision.datasets.utils import download_and_extract_archive

        download_and_extract_archive(url, str(directory), md5=md5, remove_finished=True)

    return download


@contextmanager
def _timeout() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
