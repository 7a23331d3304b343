"""The vendor's client with a door of ours in front of the network: pace, tries again, and whole answers only.

The vendor's client takes an answer that it cannot decode for an empty list. A page that was cut short would end a
download without a word, so each page is decoded here first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol, final
from urllib.parse import urlsplit

import urllib3
from massive import RESTClient
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from adapters.addresses import is_local, require_safe
from market.clock import ns_of_datetime
from market.errors import ConfigError, DataError, VenueError

__all__ = ["Budget", "PolygonClient", "PolygonConfig"]

_LONGEST_WAIT_S: Final = 60.0
_GOOD: Final = frozenset({"OK", "DELAYED"})


class Budget(Protocol):
    """A budget of requests that all who use one key share."""

    def take(self, timeout_s: float) -> None:
        """Wait for the right to one request, at most so long; then raise a retryable `VenueError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolygonConfig:
    """Where the vendor is and how it is asked.

    Parameters
    ----------
    base_url : str
        Address without a path.
    timeout_s : float
        The longest wait for a connection, and for an answer, seconds, > 0.
    attempts : int
        Tries of one page, >= 1.
    first_wait_s : float
        Wait before the second try, seconds; it doubles from try to try up to a minute.
    budget_wait_s : float
        The longest wait for the shared budget of requests, seconds.
    max_pages : int
        Pages of one request, at most; a vendor whose pages never end is an error.
    """

    base_url: str = "https://api.massive.com"
    timeout_s: float = 10.0
    attempts: int = 5
    first_wait_s: float = 0.5
    budget_wait_s: float = 120.0
    max_pages: int = 20_000

    @property
    def emulated(self) -> bool:
        """Whether the vendor is a server on this machine: what it tells is marked as simulated."""
        return is_local(self.base_url)

    def __post_init__(self) -> None:
        require_safe(self.base_url)
        if not (self.timeout_s > 0.0 and self.attempts >= 1 and self.first_wait_s >= 0.0 and self.max_pages >= 1):
            raise ConfigError(
                "the vendor cannot be asked so",
                found=f"{self.timeout_s} s, {self.attempts} tries, {self.max_pages} pages",
                expected="a timeout > 0, at least one try and one page",
                action="correct the settings",
            )


@final
class PolygonClient:
    """One key's client; for one thread.

    Parameters
    ----------
    key : str
        The key; it goes into the header of each request and nowhere else.
    config : PolygonConfig, optional
        Where the vendor is and how it is asked.
    budget : Budget, optional
        Taken from before each request, tries again included.
    """

    def __init__(self, key: str, config: PolygonConfig | None = None, *, budget: Budget | None = None) -> None:
        self.config = PolygonConfig() if config is None else config
        rest = RESTClient(
            api_key=key,
            base=self.config.base_url.rstrip("/"),
            connect_timeout=self.config.timeout_s,
            read_timeout=self.config.timeout_s,
            retries=0,
        )
        self._door = _Door(rest.client, self.config, budget)
        rest.client, rest.json = self._door, self._door
        self._rest = rest

    def __repr__(self) -> str:
        return f"PolygonClient({self.config.base_url})"

    def close(self) -> None:
        """Close the connections."""
        self._door.close()

    def rows(self, method: str, *args: object, **query: object) -> Iterator[Any]:
        """Yield the rows of all pages of one of the vendor client's lists.

        Parameters
        ----------
        method : str
            Name of a method of the vendor's client, such as ``list_trades``.
        *args : object
            Its arguments by position.
        **query : object
            Its arguments by name.

        Yields
        ------
        object
            The vendor's own models, in the vendor's order.

        Raises
        ------
        VenueError
            The vendor refused (not retryable), or failed in every try (retryable).
        DataError
            The pages do not end, or are not pages.
        """
        self._door.begin()
        yield from getattr(self._rest, method)(*args, **query)

    def server_time_ns(self) -> int:
        """Return the vendor's time of day, in whole seconds: ns since the epoch, UTC."""
        self._door.begin()
        told = str(self._rest.get_market_status().server_time)
        try:
            return ns_of_datetime(datetime.fromisoformat(told))
        except ValueError:
            raise VenueError("the vendor tells no time", retryable=True, found=told[:60], expected="RFC 3339") from None


@final
class _Door:
    """Stands where the vendor's client has its connections, and where it has its decoder."""

    def __init__(self, pool: Any, config: PolygonConfig, budget: Budget | None) -> None:
        self._pool, self._config, self._budget = pool, config, budget
        self._page: dict[str, Any] = {}
        self._pages = 0

    def begin(self) -> None:
        """Count the pages of another request."""
        self._pages = 0

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def request(self, method: str, url: str, *, fields: Mapping[str, Any] | None, headers: Mapping[str, str]) -> Any:
        """Return a page that is whole."""
        tries = Retrying(
            stop=stop_after_attempt(self._config.attempts),
            wait=self._wait,
            retry=retry_if_exception(lambda error: isinstance(error, VenueError) and error.retryable),
            reraise=True,
        )
        answer = tries(self._once, method, url, fields, headers)
        self._pages += 1
        following = self._page.get("next_url")
        asked = urlsplit(url)
        told = urlsplit(following if isinstance(following, str) else "")
        if self._pages > self._config.max_pages or (told.path == asked.path and told.query == asked.query != ""):
            raise DataError(
                "the pages of an answer do not end",
                path=asked.path,
                found=f"page {self._pages} leads to another",
                expected=f"at most {self._config.max_pages} pages, each another",
                action="ask for a shorter span",
            )
        return answer

    def loads(self, _text: str) -> dict[str, Any]:
        """Return the page that was decoded when it came."""
        return self._page

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        asked = getattr(error, "wait_s", 0.0)
        return min(max(self._config.first_wait_s * 2.0 ** (state.attempt_number - 1), asked), _LONGEST_WAIT_S)

    def _once(self, method: str, url: str, fields: Mapping[str, Any] | None, headers: Mapping[str, str]) -> Any:
        path = urlsplit(url).path
        if self._budget is not None:
            self._budget.take(self._config.budget_wait_s)
        try:
            # Redirects are not followed: the key stays with the address that it was given for.
            answer = self._pool.request(method, url, fields=fields, headers=headers, retries=False)
        except urllib3.exceptions.HTTPError as error:
            raise VenueError(
                f"the vendor did not answer {path}",
                retryable=True,
                found=type(error).__name__,
                expected="a page",
                action="check the network and the address",
            ) from None  # the library's message may hold the whole request
        if answer.status != 200:
            raise _refused(answer, path)
        self._page = _decoded(answer.data, path)
        return answer


@final
class _BusyError(VenueError):
    """A refusal that passes; it may say when."""

    wait_s: float = 0.0


def _refused(answer: Any, path: str) -> VenueError:
    if answer.status == 429 or answer.status >= 500:
        error = _BusyError(
            f"the vendor cannot serve {path} now",
            retryable=True,
            found=f"HTTP {answer.status}",
            expected="HTTP 200",
            action="try again later, or share one budget of requests among all processes",
        )
        told = answer.headers.get("Retry-After", "")
        error.wait_s = float(told) if told.replace(".", "", 1).isdigit() else 0.0
        return error
    return VenueError(
        f"the vendor refuses {path}",
        retryable=False,
        found=f"HTTP {answer.status}",
        expected="HTTP 200",
        action="check the key, and that the plan covers this data",
    )


def _decoded(body: bytes, path: str) -> dict[str, Any]:
    try:
        page = json.loads(body)
    except ValueError:
        raise VenueError(
            f"the answer to {path} was cut short, or is no page",
            retryable=True,
            found=f"{len(body)} bytes that are not JSON",
            expected="a page of JSON",
            action="try again",
        ) from None
    # The state of the market is the one answer without a status.
    if not isinstance(page, dict) or ("serverTime" not in page and page.get("status") not in _GOOD):
        raise VenueError(
            f"the vendor answers {path} with an error",
            retryable=False,
            found=str(page.get("status") if isinstance(page, dict) else type(page).__name__)[:60],
            expected=" or ".join(sorted(_GOOD)),
            action="check the parameters",
        )
    return page
