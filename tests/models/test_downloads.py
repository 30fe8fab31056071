"""Weights from a server on this machine: one that serves well, and others that do not."""

from __future__ import annotations

import hashlib
import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch

from fcpts_core.errors import InputError, RunError
from fcpts_core.models import cards
from fcpts_core.models.catalogue import Download, catalogue
from fcpts_core.models.cifar_resnet import CifarResNet
from fcpts_core.models.downloads import CHUNK, Cancelled, fetch

PATIENCE = 0.5


def weights() -> bytes:
    torch.manual_seed(0)
    held = io.BytesIO()
    torch.save(CifarResNet(20).state_dict(), held)
    return held.getvalue()


BODY = weights()
SHA = hashlib.sha256(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `BODY` as `kind` says; `asked` keeps the ranges that were asked for."""

    def __init__(self, kind: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.kind, self.asked = kind, list[str | None]()
        self.stop = threading.Event()


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        kind, wanted = self.server.kind, self.headers.get("Range")
        self.server.asked.append(wanted)
        if kind == "gone":
            self.send_error(404)
            return
        body = b"\0" * len(BODY) if kind == "wrong" else BODY
        begin = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and kind != "forgetful" else 0
        if begin >= len(body):
            self.send_error(416)
            return
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(body) - begin))
        self.end_headers()
        rest = body[begin:]
        if kind == "cut":
            rest = rest[: len(rest) // 2]
        for place in range(0, len(rest), CHUNK):
            self.wfile.write(rest[place : place + CHUNK])
            if kind == "slow":
                self.server.stop.wait(0.02)
        if kind == "silent":
            self.server.stop.wait(30)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serving(kind: str) -> Iterator[Server]:
    server = Server(kind)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.stop.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path


def offer(server: Server, sha256: str = SHA[:8]) -> Download:
    return Download(f"http://127.0.0.1:{server.server_port}/net-{SHA[:8]}.pth?x=1", sha256, len(BODY))


def part_of(download: Download) -> Path:
    return download.path.with_name(download.path.name + ".part")


def test_a_file_is_fetched_once_and_kept() -> None:
    seen: list[tuple[int, int | None]] = []
    with serving("good") as server:
        download = offer(server)
        path = fetch(download, progress=lambda done, total: seen.append((done, total)))
        assert path == fetch(download)
        assert len(server.asked) == 1
    assert path.read_bytes() == BODY
    assert path.name == f"net-{SHA[:8]}.pth"
    assert seen[0] == (0, len(BODY))
    assert seen[-1] == (len(BODY), len(BODY))
    assert not part_of(download).exists()


def test_what_broke_off_goes_on_from_there() -> None:
    with serving("cut") as server:
        download = offer(server)
        with pytest.raises(RunError, match=r"broke off after 0\.\d MB of 1\.\d MB: start it again"):
            fetch(download)
        assert not download.path.exists()
        server.kind = "good"
        assert fetch(download).read_bytes() == BODY
        assert server.asked == [None, f"bytes={len(BODY) // 2}-"]


def test_a_server_that_cannot_go_on_begins_again() -> None:
    with serving("forgetful") as server:
        download = offer(server)
        part_of(download).parent.mkdir(parents=True)
        part_of(download).write_bytes(BODY[:1000])
        assert fetch(download).read_bytes() == BODY


@pytest.mark.parametrize("before", [b"something else", BODY, BODY + b"more"])
def test_what_lay_there_before_does_no_harm(before: bytes) -> None:
    with serving("good") as server:
        download = offer(server)
        part_of(download).parent.mkdir(parents=True)
        part_of(download).write_bytes(before)
        assert fetch(download).read_bytes() == BODY


def test_a_wrong_checksum_is_thrown_away() -> None:
    with serving("wrong") as server:
        download = offer(server)
        with pytest.raises(RunError, match="another checksum than the publisher's"):
            fetch(download)
    assert not download.path.exists()
    assert part_of(download).stat().st_size == 0


def test_a_slow_download_can_be_given_up_and_taken_up_again() -> None:
    with serving("slow") as server:
        download = offer(server)
        with pytest.raises(Cancelled):
            fetch(download, cancelled=lambda: part_of(download).stat().st_size >= 0)
        come = part_of(download).stat().st_size
        assert 0 < come < len(BODY)
        assert fetch(download).read_bytes() == BODY
        assert server.asked[1] == f"bytes={come}-"


def test_a_server_that_falls_silent_is_not_waited_for() -> None:
    with serving("silent") as server:
        server.kind = "silent-cut"
        began = time.monotonic()

        class Half(Handler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(BODY)))
                self.end_headers()
                self.wfile.write(BODY[:1000])
                self.wfile.flush()
                self.server.stop.wait(30)

        server.RequestHandlerClass = Half
        with pytest.raises(RunError, match="broke off"):
            fetch(offer(server), timeout=PATIENCE)
        assert time.monotonic() - began < 20


def test_a_server_that_is_not_there_and_a_file_that_is_not_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = Download(f"http://127.0.0.1:{taken.getsockname()[1]}/net.pth", SHA, 1)
        with pytest.raises(RunError, match=r"cannot be reached.*put the file into .*--random-weights"):
            fetch(nobody, timeout=PATIENCE)
    with serving("gone") as server, pytest.raises(RunError, match="answers 404"):
        fetch(offer(server))
    with pytest.raises(RunError, match="no address of a server"):
        fetch(Download("file:///etc/passwd", SHA, 1))


def test_two_at_once_do_not_write_the_same_file() -> None:
    with serving("slow") as server:
        download, said = offer(server), list[int]()

        def second(done: int, total: int | None) -> None:
            if done and not said:
                with pytest.raises(RunError, match="is being fetched already"):
                    fetch(download)
                said.append(done)

        fetch(download, progress=second)
        assert said


def test_a_fetched_model_loads_and_a_damaged_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    with serving("good") as server:
        download = offer(server)
        card = replace(cards.MODELS["cifar10-resnet20-hub"], download=download)
        monkeypatch.setitem(cards.MODELS, "served", card)
        with pytest.raises(InputError, match=r"not on this machine .*fcpts download"):
            cards.load_model("served")
        fetch(download)
    model = cards.load_model("served")
    assert model.sha256 == SHA
    download.path.write_bytes(BODY[:-1] + b"\1")
    with pytest.raises(InputError, match=r"delete the file and fetch it again|damaged"):
        cards.load_model("served")


def test_the_command_fetches_and_a_run_does_so_by_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from dataclasses import replace

    from fcpts_core.cli import main
    from fcpts_core.models import obtaining

    with serving("good") as server:
        download = offer(server)
        entry = replace(catalogue()["cifar10-resnet20-hub"], download=download)
        monkeypatch.setattr(obtaining, "catalogue", lambda: {"served": entry})
        assert main(["download", "served"]) == 0
        assert capsys.readouterr().out.strip() == str(download.path)
        download.path.unlink()
        obtaining.obtain_for("served", None, random_weights=True)
        obtaining.obtain_for("served", "own.safetensors", random_weights=False)
        assert not download.path.exists()
        obtaining.obtain_for("served", None, random_weights=False)
        assert download.path.exists()
    assert main(["download", "nothing"]) == 2
