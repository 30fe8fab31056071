"""Downloads that go on in the background, one for each file, for pages that look in on them."""

from __future__ import annotations

import threading

from fcpts_core.errors import RunError
from fcpts_core.models.catalogue import Download
from fcpts_core.models.downloads import Asked, Cancelled, Progress, fetch

__all__ = ["Asked", "Fetching", "Fetchings", "Progress", "RunError"]


class Fetching:
    """One download in a thread of its own; what it has come to can be read at any time."""

    def __init__(self, download: Download) -> None:
        self.download = download
        self.done, self.total = 0, download.size
        self.reason = ""
        """Why it failed, a sentence."""

        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"fetch-{download.name}", daemon=True)
        self._thread.start()

    @property
    def active(self) -> bool:
        return self._thread.is_alive()

    @property
    def share(self) -> float:
        """How much of it is here, from 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    def cancel(self) -> None:
        """Gives it up as soon as the next bytes come; what is here is kept for another attempt."""
        self._cancelled.set()

    def wait(self, timeout: float | None = None) -> None:
        self._thread.join(timeout)

    def _work(self) -> None:
        try:
            fetch(self.download, progress=self._tell, cancelled=self._cancelled.is_set)
        except Cancelled:
            pass
        except RunError as error:
            self.reason = str(error)

    def _tell(self, done: int, total: int | None) -> None:
        self.done, self.total = done, total or self.total


class Fetchings:
    """The downloads of one server, by the name of their file."""

    def __init__(self) -> None:
        self._lock, self._all = threading.Lock(), dict[str, Fetching]()

    def start(self, download: Download) -> Fetching:
        """Begins, or joins the one that is under way."""
        with self._lock:
            known = self._all.get(download.name)
            if known is None or not known.active:
                known = self._all[download.name] = Fetching(download)
            return known

    def of(self, download: Download) -> Fetching | None:
        return self._all.get(download.name)
