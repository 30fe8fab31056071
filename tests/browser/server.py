"""The app as users start it, on a free port of this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds until the server must answer


@contextmanager
def serve(app: Path = ROOT / "app.py") -> Iterator[str]:
    """Runs `app` until the block ends; yields its address. Raises RuntimeError with the server's words if it dies."""
    port = free_port()
    address = f"http://localhost:{port}"
    command = [sys.executable, "-m", "streamlit", "run", str(app)]
    options = ["--server.headless", "true", "--server.port", str(port)]
    with (
        TemporaryFile() as log,
        TemporaryDirectory(prefix="fcpts-store-", ignore_cleanup_errors=True) as store,
        subprocess.Popen(
            command + options,
            cwd=ROOT,
            env={**os.environ, "FCPTS_STORE": store},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            if not answers(process, f"{address}/_stcore/health"):
                log.seek(0)
                raise RuntimeError(f"The app did not start; its server said:\n{log.read().decode(errors='replace')}")
            yield address
        finally:
            stop(process)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(process: subprocess.Popen[bytes], health: str) -> bool:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urlopen(health, timeout=5) as reply:
                if reply.status == 200:
                    return True
        except (URLError, OSError):
            time.sleep(0.1)
    return False


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
