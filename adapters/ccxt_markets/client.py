"""One ccxt exchange behind capability checks, retries, bans, a shared pace and messages that show no secret."""

from __future__ import annotations

import logging
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, final

import ccxt
import requests.adapters
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from adapters.ccxt_markets.throttle import SharedPace
from market.errors import ConfigError, DataError, VenueError

__all__ = ["ClockSkew", "Credentials", "VenueClient", "VenueConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Keys of an account; never shown.

    Parameters
    ----------
    key, secret : str
        As the venue gave them.
    password : str
        Passphrase, where the venue asks for one.
    """

    key: str = field(repr=False)
    secret: str = field(repr=False)
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueConfig:
    """How to talk to an exchange.

    Parameters
    ----------
    timeout_s : float
        Longest wait for one reply, seconds.
    attempts : int
        Tries per call, >= 1.
    longest_wait_s : float
        Longest pause before a retry, seconds; a venue that asks for more is left alone and the call fails.
    is_paced : bool
        Whether to keep the exchange's rate limit.
    pace_file : Path, optional
        File of a `SharedPace`, for processes that share a key.
    market_types : tuple of str
        Kinds of market to load where the exchange lets one choose, such as ``("spot", "linear")``; empty for its own.
    """

    timeout_s: float = 10.0
    attempts: int = 5
    longest_wait_s: float = 60.0
    is_paced: bool = True
    pace_file: Path | None = None
    market_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSkew:
    """How far this machine's clock is ahead of the venue's.

    Parameters
    ----------
    skew_ns : int
        This clock less the venue's at the middle of the round trip, ns; positive where this one is ahead.
    error_ns : int
        Half the round trip: the skew is known to within this, ns.
    """

    skew_ns: int
    error_ns: int


class _BrokenReplyError(ccxt.NetworkError):  # type: ignore[misc]  # ccxt is published without types
    """A reply that is no whole JSON document."""


@final
class VenueClient:
    """Calls one ccxt exchange; every failure is a `VenueError`, `DataError` or `ConfigError` without secrets.

    Parameters
    ----------
    exchange_id : str
        As ccxt names the exchange, such as ``binance``.
    credentials : Credentials, optional
        Not needed for market data.
    config : VenueConfig
        Waits, retries, pace.
    transport : requests.adapters.BaseAdapter, optional
        Carries the requests instead of the network, as an emulator's does.
    clock_ns : callable
        This machine's clock, ns since the epoch, UTC.
    sleep : callable
        Waits for so many seconds.
    """

    def __init__(
        self,
        exchange_id: str,
        *,
        credentials: Credentials | None = None,
        config: VenueConfig | None = None,
        transport: requests.adapters.BaseAdapter | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.exchange_id = exchange_id
        self.clock_ns = clock_ns
        self._config = config or VenueConfig()
        self._sleep = sleep
        self._secrets = tuple(
            word
            for word in (() if credentials is None else (credentials.key, credentials.secret, credentials.password))
            if word
        )
        self._barred_until_ns = 0
        self.exchange = _opened(exchange_id, credentials, self._config)
        # One clock for stamps, spans of history and bans: ccxt's own would be another.
        self.exchange.milliseconds = lambda: clock_ns() // 1_000_000
        if transport is not None:
            self.exchange.session.mount("https://", transport)
        self._set_pace()

    def _set_pace(self) -> None:
        exchange, config = self.exchange, self._config
        if not config.is_paced or config.pace_file is None:
            return
        pace = SharedPace(config.pace_file, clock_ns=self.clock_ns, sleep=self._sleep)

        def throttle(cost: float | None = None) -> None:
            pace.wait(int(float(exchange.rateLimit) * (1.0 if cost is None else cost) * 1e6))

        exchange.throttle = throttle

    @property
    def capabilities(self) -> tuple[str, ...]:
        """Names of the calls that the exchange offers, sorted."""
        return tuple(sorted(name for name, offered in self.exchange.has.items() if offered))

    def offers(self, name: str) -> bool:
        """Tell whether the exchange offers a call, named as in ``exchange.has``."""
        return bool(self.exchange.has.get(name))

    def require(self, name: str, purpose: str) -> None:
        """Refuse what the exchange does not offer.

        Parameters
        ----------
        name : str
            Call as in ``exchange.has``, such as ``fetchOHLCV``.
        purpose : str
            What it is needed for.
        """
        if self.offers(name):
            return
        near = [other for other in self.capabilities if other.startswith("fetch")]
        raise ConfigError(
            f"{self.exchange_id} does not offer {purpose}",
            found=f"no {name} (it offers {', '.join(near) or 'nothing to read'})",
            expected=name,
            action="choose another exchange for this data",
        )

    def call(self, name: str, *arguments: Any, **named: Any) -> Any:
        """Call a method of the exchange, again after faults of the network or the rate limit.

        Parameters
        ----------
        name : str
            Method in Python's spelling, such as ``fetch_ohlcv``.
        *arguments, **named
            Passed on.

        Returns
        -------
        object
            What ccxt returns.

        Raises
        ------
        VenueError
            The venue failed, with `retryable`; or it has barred this machine and the ban has not ended.
        """
        retrying = Retrying(
            stop=stop_after_attempt(self._config.attempts),
            wait=self._wait_s,
            sleep=self._sleep,
            retry=retry_if_exception(self._is_passing),
            reraise=True,
        )
        try:
            return retrying(self._once, name, arguments, named)
        except ccxt.BaseError as error:
            found = error
        # Outside the handler: the chain of causes would carry addresses with signatures.
        raise self._told(name, found)

    def clock_skew(self) -> ClockSkew:
        """Measure how far this machine's clock is ahead of the venue's."""
        self.require("fetchTime", "its clock")
        before = self.clock_ns()
        venue_ms = self.call("fetch_time")
        after = self.clock_ns()
        return ClockSkew(skew_ns=(before + after) // 2 - int(venue_ms) * 1_000_000, error_ns=(after - before + 1) // 2)

    def redacted(self, text: str) -> str:
        """Return a text without keys, secrets and signatures."""
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        return _SIGNATURE.sub(r"\1[secret]", text)

    def _once(self, name: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        barred_s = (self._barred_until_ns - self.clock_ns()) / 1e9
        if barred_s > 0.0:
            raise VenueError(
                f"{self.exchange_id} has barred this machine for asking too often",
                retryable=True,
                found=f"{barred_s:.0f} s left",
                action="wait, then ask less often or share the pace among processes with `pace_file`",
            )
        exchange = self.exchange
        # ccxt keeps the last reply only where one came: a failed connection must not be judged by the reply before.
        exchange.last_http_response, exchange.last_response_headers = "", {}
        try:
            result = getattr(exchange, name)(*arguments, **named)
        except ccxt.BaseError as error:
            self._note_ban()
            # The class that ccxt chose from the status stands; only its guess at an unreadable page does not.
            if self._is_broken() and not isinstance(error, (ccxt.OperationFailed, ccxt.AuthenticationError)):
                raise _BrokenReplyError(f"{self.exchange_id} sent a reply that is no JSON") from None
            raise
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            # ccxt parses what it got: a page cut short surfaces as any of these.
            if self._is_broken():
                raise _BrokenReplyError(f"{self.exchange_id} sent a reply that is no JSON") from None
            raise DataError(
                f"{self.exchange_id} sent a reply to {name} that cannot be read",
                found=self.redacted(f"{type(error).__name__}: {error}")[:_LONGEST_TEXT],
                expected="the fields of its documentation",
            ) from None
        if self._is_broken():
            raise _BrokenReplyError(f"{self.exchange_id} sent a reply that is no JSON")
        return result

    def _is_broken(self) -> bool:
        reply = self.exchange.last_http_response
        return bool(reply) and self.exchange.parse_json(reply) is None

    def _retry_after_s(self) -> float:
        headers = {str(name).lower(): value for name, value in (self.exchange.last_response_headers or {}).items()}
        try:
            if "retry-after" in headers:
                return float(headers["retry-after"])
            if "x-bapi-limit-reset-timestamp" in headers:
                return max(float(headers["x-bapi-limit-reset-timestamp"]) / 1e3 - self.clock_ns() / 1e9, 0.0)
        except ValueError:
            pass
        return math.nan

    def _note_ban(self) -> None:
        asked = self._retry_after_s()
        if asked > self._config.longest_wait_s:
            self._barred_until_ns = self.clock_ns() + int(asked * 1e9)

    def _may_pass(self, error: BaseException) -> bool:
        if isinstance(error, ccxt.OperationFailed):
            return not isinstance(error, ccxt.InvalidNonce)
        told = isinstance(error, ccxt.ExchangeError) and _TRY_LATER.search(self.exchange.last_http_response or "")
        return bool(told)

    def _is_passing(self, error: BaseException) -> bool:
        # All calls are reads, so an internal error of the exchange, which ccxt ranks above those of the network, may be
        # tried again too. A refused time stamp stays refused until the clock is set.
        return self._may_pass(error) and self._barred_until_ns <= self.clock_ns()

    def _wait_s(self, state: RetryCallState) -> float:
        error = None if state.outcome is None else state.outcome.exception()
        is_limit = isinstance(error, (ccxt.DDoSProtection, ccxt.RateLimitExceeded))
        asked = self._retry_after_s() if is_limit else math.nan
        return asked if asked > 0.0 else float(_BACKOFF(state))

    def _told(self, name: str, error: Any) -> VenueError:
        action = ""
        if isinstance(error, ccxt.InvalidNonce):
            action = "set this machine's clock: the venue refuses its time stamps"
        elif isinstance(error, ccxt.AuthenticationError):
            action = "check the key, its permissions and its list of addresses at the venue"
        elif self._barred_until_ns > self.clock_ns():
            action = f"ask no more for {(self._barred_until_ns - self.clock_ns()) / 1e9:.0f} s"
        return VenueError(
            f"{self.exchange_id} failed at {name}",
            retryable=self._may_pass(error),
            found=self.redacted(f"{type(error).__name__}: {error}")[:_LONGEST_TEXT],
            action=action,
        )


_SIGNATURE: Final = re.compile(r"((?:signature|sign|sig|apiKey|api_key)=)[^&\s,'\"]+", re.IGNORECASE)
# Internal errors that ccxt ranks with refusals: Bybit's 10000 and 10016, Binance's -1000 to -1008, Deribit's 10040 and
# 11094.
_TRY_LATER: Final = re.compile(r'"(?:retCode|code)"\s*:\s*(?:10000|10016|-100[01678]|10040|11094)\b')
_LONGEST_TEXT: Final = 400
_BACKOFF: Final = wait_exponential_jitter(multiplier=0.5, max=30.0)
_WIRE: Final = logging.getLogger("adapters.ccxt_markets.wire")


def _opened(exchange_id: str, credentials: Credentials | None, config: VenueConfig) -> Any:
    if exchange_id not in ccxt.exchanges:
        near = [name for name in ccxt.exchanges if name.startswith(exchange_id[:3])]
        raise ConfigError(
            "an exchange is not known",
            found=exchange_id,
            expected=f"one of {', '.join(near) or 'ccxt.exchanges'}",
            action="name it as ccxt does",
        )
    options: dict[str, Any] = {"enableRateLimit": config.is_paced, "timeout": int(config.timeout_s * 1e3)}
    if credentials is not None:
        options |= {"apiKey": credentials.key, "secret": credentials.secret}
        options |= {"password": credentials.password} if credentials.password else {}
    exchange = getattr(ccxt, exchange_id)(options)
    if config.market_types:
        kept = exchange.options.get("fetchMarkets")
        kept = kept if isinstance(kept, dict) else {}
        exchange.options["fetchMarkets"] = {**kept, "types": list(config.market_types)}
    exchange.enableLastHttpResponse = exchange.enableLastResponseHeaders = True
    # At level DEBUG ccxt logs the headers of each request, and with them the key.
    _WIRE.setLevel(logging.INFO)
    exchange.logger = _WIRE
    return exchange
