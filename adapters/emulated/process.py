"""An emulated venue in a process of its own: started by a system, gone with it, known to nobody else."""

from __future__ import annotations

import contextlib
import json
import pickle
import secrets
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, final

from adapters.credentials import Credentials
from adapters.emulated.faults import Fault
from adapters.simulated.coin_config import CoinMarketConfig
from adapters.simulated.config import SimulatedMarketConfig
from market.errors import ConfigError, VenueError

__all__ = ["Emulation", "Endpoint", "Protocol", "VenueProcess", "new_credentials"]

_START_S: Final = 60.0
_STOP_S: Final = 5.0


class Protocol(StrEnum):
    """Whose protocol an emulated venue speaks."""

    ALPACA = "alpaca"
    POLYGON = "polygon"
    DERIBIT = "deribit"
    BYBIT = "bybit"
    BINANCE = "binance"

    @property
    def is_of_coins(self) -> bool:
        """Whether an exchange of coins speaks it."""
        return self in {Protocol.DERIBIT, Protocol.BYBIT, Protocol.BINANCE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulation:
    """What an emulated venue is made from.

    Parameters
    ----------
    protocol : Protocol
        Whose protocol it speaks.
    market : SimulatedMarketConfig or CoinMarketConfig
        What happens there, of coins where the protocol is that of an exchange of coins; its `interval_s` paces it.
    credentials : Credentials
        The one key that it knows.
    faults : tuple of Fault
        What goes wrong.
    """

    protocol: Protocol
    market: SimulatedMarketConfig | CoinMarketConfig
    credentials: Credentials
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where an emulated venue answers, and to which key.

    Parameters
    ----------
    port : int
        Port of the loopback interface.
    credentials : Credentials
        A throw-away key, good for this venue alone.
    """

    port: int
    credentials: Credentials = field(repr=False)

    @property
    def url(self) -> str:
        """Address for HTTP, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        """Address for websockets, without a slash at its end."""
        return f"ws://127.0.0.1:{self.port}"


def new_credentials(vendor: str) -> Credentials:
    """Return a key that nobody has seen before."""
    return Credentials(vendor=vendor, key=f"EMULATED{secrets.token_hex(8).upper()}", secret=secrets.token_urlsafe(24))


@final
class VenueProcess:
    """Runs an emulated venue in a child process.

    The child reads what it is to be, key included, from its standard input, which therefore stands in no list of
    processes and in no log; and it ends when that input is closed, as it is by whatever end its parent finds.

    Parameters
    ----------
    emulation : Emulation
        What it is made from.
    """

    def __init__(self, emulation: Emulation) -> None:
        self._emulation = emulation
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Number of the process; None before the start and after the end."""
        return self._child.pid if self.is_running and self._child is not None else None

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._child is not None and self._child.poll() is None

    def start(self) -> Endpoint:
        """Start the venue and return where it answers.

        Returns
        -------
        Endpoint
            Raises ConfigError where the market cannot be, and VenueError where the process does not start.
        """
        # A session of its own: Ctrl-C in the terminal is for the system, which ends its feed before its venue.
        self._child = child = subprocess.Popen(
            [sys.executable, "-m", "adapters.emulated"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        if child.stdin is None or child.stdout is None:
            raise AssertionError("both pipes were asked for")
        guard = threading.Timer(_START_S, child.kill)
        guard.start()
        try:
            with contextlib.suppress(BrokenPipeError):  # the answer says why it has gone
                pickle.dump(self._emulation, child.stdin)
                child.stdin.flush()
            line = child.stdout.readline()
        finally:
            guard.cancel()
        told = json.loads(line) if line else {"error": "it ended without a word"}
        if "port" not in told:
            self.stop()
            if told.get("is_config"):
                raise ConfigError("the emulated venue cannot be so", found=str(told["error"]))
            raise VenueError("the emulated venue did not start", retryable=False, found=str(told["error"]))
        return Endpoint(port=int(told["port"]), credentials=self._emulation.credentials)

    def stop(self) -> None:
        """End the process; safe to call twice."""
        child, self._child = self._child, None
        if child is None:
            return
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            child.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(_STOP_S)
