"""Every request of the vendor's client: within the budget, within its time, tried again where that can help."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any, Final, final

import requests
import tenacity
from requests.adapters import HTTPAdapter

from adapters.alpaca.config import AlpacaConfig
from adapters.limits import SharedLimiter
from market.errors import VenueError

__all__ = ["PacedTransport", "mapped_status"]

_RETRYABLE: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


@final
class _TryAgainError(Exception):
    """A failed attempt: what to raise in the end, and how long the venue wants us to wait."""

    def __init__(self, error: VenueError, wait_s: float = 0.0) -> None:
        super().__init__(str(error))
        self.error, self.wait_s = error, wait_s


@final
class PacedTransport(HTTPAdapter):
    """Sends the requests of a session; pages that the vendor's client follows by itself pass here too.

    Parameters
    ----------
    config : AlpacaConfig
        Times and attempts.
    limiter : SharedLimiter
        The budget; one request is taken from it per attempt.
    """

    def __init__(self, config: AlpacaConfig, limiter: SharedLimiter) -> None:
        super().__init__(pool_maxsize=4)
        self._config, self._limiter, self._lock = config, limiter, threading.Lock()
        self._failures: Counter[str] = Counter()
        self._n_sent = 0

    @property
    def n_sent(self) -> int:
        """Requests sent so far, tries again included."""
        return self._n_sent

    @property
    def failures(self) -> dict[str, int]:
        """Failed attempts by kind: a status, ``timeout``, ``connection`` or ``truncated``."""
        with self._lock:
            return dict(self._failures)

    def send(self, request: Any, *positional: Any, **options: Any) -> Any:
        """Send one request and return the whole answer, or raise a `VenueError` that says whether to try later."""
        attempts = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self._config.attempts),
            wait=self._wait_s,
            retry=tenacity.retry_if_exception_type(_TryAgainError),
            reraise=True,
        )
        try:
            return attempts(self._once, request, positional, options)
        except _TryAgainError as last:
            raise last.error from None

    def _wait_s(self, state: tenacity.RetryCallState) -> float:
        grown = tenacity.wait_random_exponential(multiplier=0.2, max=10.0)(state)
        error = state.outcome.exception() if state.outcome is not None else None
        asked_s = error.wait_s if isinstance(error, _TryAgainError) else 0.0
        return min(max(grown, asked_s), self._config.longest_wait_s)

    def _once(self, request: Any, positional: tuple[Any, ...], options: dict[str, Any]) -> Any:
        self._limiter.take(self._config.longest_wait_s)
        with self._lock:
            self._n_sent += 1
        try:
            response = super().send(request, *positional, **{**options, "timeout": self._config.timeout_s})
            body = response.content  # read here, so that a connection lost half-way is an attempt as well
        except requests.Timeout:
            raise self._failed("timeout", f"no answer in {self._config.timeout_s:g} s") from None
        except requests.RequestException as error:
            raise self._failed("connection", type(error).__name__) from None
        path = request.path_url.partition("?")[0]
        if response.status_code >= 400:
            refusal = mapped_status(response.status_code, path, _message(response))
            if not refusal.retryable:
                raise refusal
            raise self._failed(str(response.status_code), str(refusal), _retry_after_s(response))
        if body[-1:] not in {b"}", b"]", b"", b"\n"}:
            raise self._failed("truncated", f"{path}: {len(body)} bytes that do not end as JSON does")
        return response

    def _failed(self, kind: str, found: str, wait_s: float = 0.0) -> _TryAgainError:
        with self._lock:
            self._failures[kind] += 1
        return _TryAgainError(
            VenueError("Alpaca did not answer", retryable=True, found=found, action="it is tried again later"), wait_s
        )


def mapped_status(status: int, path: str, message: str) -> VenueError:
    """Return the error that an HTTP status means."""
    if status in {401, 403}:
        return VenueError(
            "Alpaca refuses the key",
            retryable=False,
            found=f"{status} for {path}: {message}",
            expected="a key that is valid, and a plan that includes this data",
            action="check ALPACA_API_KEY and ALPACA_API_SECRET",
        )
    return VenueError(
        "Alpaca refuses a request", retryable=status in _RETRYABLE, found=f"{status} for {path}: {message}"
    )


def _message(response: Any) -> str:
    try:
        told = response.json()
    except ValueError:
        return "no JSON"  # a proxy's page
    return str(told.get("message", ""))[:200] if isinstance(told, dict) else ""


def _retry_after_s(response: Any) -> float:
    text = response.headers.get("Retry-After", "")
    try:
        return max(float(text), 0.0)
    except ValueError:
        return 0.0
