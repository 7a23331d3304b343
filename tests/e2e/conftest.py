"""The running product and a real browser."""

from __future__ import annotations

import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

_ROOT = Path(__file__).resolve().parents[2]
_CHROMIUM = "/usr/bin/chromium"
_START_S = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """Where the running system answers, and what opens it."""

    base: str
    token: str
    home: Path

    @property
    def page(self) -> str:
        return f"{self.base}/?token={self.token}&symbol=SIM.SPX"

    def field(self, symbol: str = "SIM.SPX") -> dict[str, Any]:
        """Return what the API says of a symbol now."""
        headers = {"authorization": f"Bearer {self.token}"}
        answer = httpx.get(f"{self.base}/v1/fields/{symbol}", headers=headers, timeout=10.0, trust_env=False)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def pids(self, actor: str) -> list[int]:
        """Return the processes of this very system that run an actor class."""
        return self.processes(f"ray::{actor}")

    def processes(self, words: str) -> list[int]:
        """Return the processes of this very system whose command line holds these words."""
        mark = f"HEDGEFIELD_HOME={self.home}".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                named = words.encode() in (folder / "cmdline").read_bytes()
                if named and mark in (folder / "environ").read_bytes():
                    found.append(int(folder.name))
            except OSError:  # the process has ended meanwhile
                continue
        return found


def _free_port() -> int:
    # Below the ephemeral range, where a worker of Ray could take it meanwhile.
    for port in range(18_800, 18_900):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    pytest.fail("no free port between 18800 and 18900")


def _ready_line(process: subprocess.Popen[str]) -> str:
    lines: queue.Queue[str] = queue.Queue()
    stdout = process.stdout
    assert stdout is not None

    def forward() -> None:
        for line in stdout:
            lines.put(line)

    threading.Thread(target=forward, daemon=True).start()
    seen: list[str] = []
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            seen.append(lines.get(timeout=1.0))
        except queue.Empty:
            continue
        if seen[-1].startswith("ready"):
            return seen[-1]
    pytest.fail(f"the product did not become ready within {_START_S:g} s:\n{''.join(seen)[-3000:]}")


@contextmanager
def running(home: Path, *arguments: str) -> Iterator[Product]:
    """Run `hedgefield up` with some arguments, and stop it as a user does, with Ctrl-C."""
    home.chmod(0o700)
    base = f"http://127.0.0.1:{(port := _free_port())}"
    command = [sys.executable, "-m", "cluster", "up", "--port", str(port), *arguments]
    environment = {name: text for name, text in os.environ.items() if not name.startswith("RAY_")}
    process = subprocess.Popen(
        command,
        cwd=_ROOT,
        env=environment | {"HEDGEFIELD_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        token = re.search(r"token=(\S+)", _ready_line(process))
        assert token is not None
        yield Product(base=base, token=token.group(1), home=home)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60.0)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10.0)


@pytest.fixture(scope="package")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Start `hedgefield up` on the simulated market, and stop it at the end."""
    with running(tmp_path_factory.mktemp("home"), "--feed", "simulated") as started:
        yield started


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """Start headless Chromium, or skip where there is none; closed with this folder, for its event loop bars others."""
    if not Path(_CHROMIUM).exists():
        pytest.skip(f"no browser at {_CHROMIUM}; install Chromium to run this test")
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=_CHROMIUM, args=arguments)
        yield chromium
        chromium.close()
