"""The few errors of Hedgefield; each says what, found, expected and what to do.

::

    TradingError
    ├── DataError       input that cannot be what it claims to be (file, row)
    ├── NumericsError   a numerical contract was broken
    ├── VenueError      a venue or store failed; may be retryable
    └── ConfigError     settings that cannot work
"""

from __future__ import annotations

__all__ = ["ConfigError", "DataError", "NumericsError", "TradingError", "VenueError"]


class TradingError(Exception):
    """Base of every error that Hedgefield raises on purpose.

    Parameters
    ----------
    what : str
        What went wrong, in a clause.
    found : str, optional
        What was found.
    expected : str, optional
        What was expected instead.
    action : str, optional
        What the reader can do about it.
    """

    def __init__(self, what: str, *, found: str = "", expected: str = "", action: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.found = found
        self.expected = expected
        self.action = action

    def __str__(self) -> str:
        parts = [self.what]
        parts += [f"found {self.found}"] if self.found else []
        parts += [f"expected {self.expected}"] if self.expected else []
        parts += [self.action] if self.action else []
        return "; ".join(parts)

    def __reduce__(self) -> tuple[object, ...]:
        # Ray ships errors by pickle; keyword-only parts would be lost by Exception's own protocol.
        return _rebuild, (type(self), self.__dict__.copy())


def _rebuild(cls: type[TradingError], state: dict[str, object]) -> TradingError:
    error = cls.__new__(cls)
    Exception.__init__(error, state["what"])
    error.__dict__.update(state)
    return error


class DataError(TradingError):
    """Input that cannot be what it claims to be.

    Parameters
    ----------
    what : str
        What went wrong, in a clause.
    path : str, optional
        File or address of the input.
    row : int, optional
        Line of the file, counted from 1, or record number where the file has no lines.
    found, expected, action : str, optional
        See `TradingError`.
    """

    def __init__(
        self,
        what: str,
        *,
        path: str = "",
        row: int | None = None,
        found: str = "",
        expected: str = "",
        action: str = "",
    ) -> None:
        super().__init__(what, found=found, expected=expected, action=action)
        self.path = path
        self.row = row

    def __str__(self) -> str:
        place = self.path if self.row is None else f"{self.path}, row {self.row}"
        text = super().__str__()
        return f"{place}: {text}" if place else text


class NumericsError(TradingError):
    """A numerical contract was broken: a shape, a domain or a limit."""


class VenueError(TradingError):
    """A venue, broker or store failed.

    Parameters
    ----------
    what : str
        What went wrong, in a clause.
    retryable : bool
        Whether the same call may succeed later.
    found, expected, action : str, optional
        See `TradingError`.
    """

    def __init__(self, what: str, *, retryable: bool, found: str = "", expected: str = "", action: str = "") -> None:
        super().__init__(what, found=found, expected=expected, action=action)
        self.retryable = retryable


class ConfigError(TradingError):
    """Settings that cannot work together or at all."""
