"""Requests to the terminal: how many at once, what is tried again, and what an answer must look like."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Any, Final, Self, final

import httpx
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.json as pj
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from market.errors import ConfigError, DataError, VenueError

__all__ = ["TerminalConfig", "ThetaFormat", "ThetaTerminal"]

_NO_DATA: Final = 472
_LONGEST_WAIT_S: Final = 60.0
_TEXT: Final = frozenset({"symbol", "root", "expiration", "right"})
_STAMPS: Final = frozenset({"timestamp", "trade_timestamp", "quote_timestamp", "underlying_timestamp", "created"})


class ThetaFormat(StrEnum):
    """How the terminal writes its tables."""

    CSV = "csv"
    NDJSON = "ndjson"


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalConfig:
    """Where the terminal is and how it is asked.

    Parameters
    ----------
    base_url : str
        Address of the terminal, up to and with the version.
    concurrency : int
        Requests at once, 1 to 64; a licence allows few.
    timeout_s : float
        The longest wait for the next bytes of an answer, seconds, > 0.
    attempts : int
        Tries of one request, >= 1.
    first_wait_s : float
        Wait before the second try, seconds; it doubles from try to try up to a minute.
    max_response_bytes : int
        The largest answer that is taken; ask for shorter spans where it is too small.
    table_format : ThetaFormat
        How tables are asked for.
    """

    base_url: str = "http://127.0.0.1:25503/v3"
    concurrency: int = 8
    timeout_s: float = 60.0
    attempts: int = 5
    first_wait_s: float = 0.5
    max_response_bytes: int = 256 * 1024 * 1024
    table_format: ThetaFormat = ThetaFormat.CSV

    def __post_init__(self) -> None:
        if not (1 <= self.concurrency <= 64 and self.timeout_s > 0.0 and self.attempts >= 1 and self.first_wait_s >= 0):
            raise ConfigError(
                "the terminal cannot be asked so",
                found=f"{self.concurrency} at once, {self.timeout_s} s, {self.attempts} tries",
                expected="1 to 64 at once, a timeout > 0, at least one try",
                action="correct the settings",
            )


@final
class ThetaTerminal:
    """One terminal, with at most so many requests at once; an asynchronous context manager.

    Parameters
    ----------
    config : TerminalConfig, optional
        Where it is and how it is asked.
    """

    def __init__(self, config: TerminalConfig | None = None) -> None:
        self.config = TerminalConfig() if config is None else config
        self._client = httpx.AsyncClient(timeout=self.config.timeout_s)
        self._free = asyncio.Semaphore(self.config.concurrency)
        self._n_sent = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    @property
    def n_sent(self) -> int:
        """Requests sent so far, tries again included."""
        return self._n_sent

    async def table(self, path: str, query: Mapping[str, str], required: tuple[str, ...]) -> pa.Table | None:
        """Return one answer as a table.

        Parameters
        ----------
        path : str
            Path below the base, such as ``/option/history/trade_quote``.
        query : mapping of str to str
            Parameters beside the format.
        required : tuple of str
            Columns that the answer must have.

        Returns
        -------
        pyarrow.Table or None
            Columns by their names in lower case; None where the terminal has no data (472).

        Raises
        ------
        VenueError
            The terminal refused (not retryable), or failed in every try (retryable).
        DataError
            The answer is not such a table.
        """
        tries = AsyncRetrying(
            stop=stop_after_attempt(self.config.attempts),
            wait=self._wait,
            retry=retry_if_exception(lambda error: isinstance(error, VenueError) and error.retryable),
            reraise=True,
        )
        async with self._free:
            return await tries(self._once, path, dict(query), required)

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        asked = getattr(error, "wait_s", 0.0)
        return min(max(self.config.first_wait_s * 2.0 ** (state.attempt_number - 1), asked), _LONGEST_WAIT_S)

    async def _once(self, path: str, query: dict[str, str], required: tuple[str, ...]) -> pa.Table | None:
        url = self.config.base_url.rstrip("/") + path
        body = bytearray()
        self._n_sent += 1
        try:
            async with self._client.stream("GET", url, params={**query, "format": self.config.table_format}) as answer:
                if answer.status_code == _NO_DATA:
                    return None
                if answer.status_code != httpx.codes.OK:
                    raise _refused(answer, path)
                async for piece in answer.aiter_bytes():
                    body += piece
                    if len(body) > self.config.max_response_bytes:
                        raise _too_large(path, self.config.max_response_bytes)
        except httpx.HTTPError as error:
            raise VenueError(
                f"the terminal did not answer {path}",
                retryable=True,
                found=type(error).__name__,
                expected="a table",
                action=f"check that the terminal runs at {self.config.base_url}",
            ) from error
        return _parsed(body, self.config.table_format, path, required)


@final
class _BusyError(VenueError):
    """A refusal that passes; it may say when."""

    wait_s: float = 0.0


def _refused(answer: httpx.Response, path: str) -> VenueError:
    status = answer.status_code
    if status == httpx.codes.TOO_MANY_REQUESTS or status >= 500:
        error = _BusyError(
            f"the terminal cannot serve {path} now",
            retryable=True,
            found=f"HTTP {status}",
            expected="HTTP 200",
            action="try again later; check that no other terminal uses the licence",
        )
        told = answer.headers.get("retry-after", "")
        error.wait_s = float(told) if told.replace(".", "", 1).isdigit() else 0.0
        return error
    return VenueError(
        f"the terminal refuses {path}",
        retryable=False,
        found=f"HTTP {status}",
        expected="HTTP 200, or 472 where there is no data",
        action="check the parameters, and that the subscription covers this data and day",
    )


def _too_large(path: str, limit: int) -> DataError:
    return DataError(
        "an answer of the terminal is too large",
        path=path,
        found=f"more than {limit} bytes",
        expected="a bounded answer",
        action="ask for a shorter span, or raise max_response_bytes",
    )


def _cut(path: str) -> VenueError:
    return VenueError(
        f"the answer to {path} was cut short",
        retryable=True,
        found="a last line that does not end",
        expected="whole lines",
        action="try again",
    )


def _parsed(body: bytearray, table_format: ThetaFormat, path: str, required: tuple[str, ...]) -> pa.Table:
    if not body.endswith(b"\n"):
        raise _cut(path)
    try:
        table = _read_csv(body) if table_format is ThetaFormat.CSV else _read_ndjson(body)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise _foreign(path, str(error)[:120]) from error
    lacking = [name for name in required if name not in table.column_names]
    if lacking:
        raise _foreign(path, f"no column {', '.join(lacking)} in {', '.join(table.column_names)[:80]}")
    return table


def _foreign(path: str, found: str) -> DataError:
    return DataError(
        "an answer of the terminal is not the table that was asked for",
        path=path,
        found=found,
        expected="the columns of version 3 of the terminal",
        action="check the version of the terminal",
    )


def _kind(name: str) -> Any:
    return pa.string() if name in _TEXT else pa.timestamp("ns") if name in _STAMPS else pa.float64()


def _read_csv(body: bytearray) -> pa.Table:
    head, _, rest = bytes(body).partition(b"\n")
    names = [name.strip().strip('"').lower() for name in head.decode("utf-8-sig").split(",")]
    if not rest:
        return pa.table({name: pa.array([], type=_kind(name)) for name in names})
    return pc.read_csv(
        pa.BufferReader(rest),
        read_options=pc.ReadOptions(column_names=names, use_threads=False),
        convert_options=pc.ConvertOptions(column_types={name: _kind(name) for name in names}),
    )


def _read_ndjson(body: bytearray) -> pa.Table:
    table = pj.read_json(pa.BufferReader(bytes(body)), read_options=pj.ReadOptions(use_threads=False))
    names = [name.lower() for name in table.column_names]
    return pa.table([column.cast(_kind(name)) for name, column in zip(names, table.columns, strict=True)], names=names)
