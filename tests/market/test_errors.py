"""Errors say what, where, found, expected and what to do, on each side of a process boundary."""

from __future__ import annotations

import pickle

import pytest

from market.errors import ConfigError, DataError, NumericsError, TradingError, VenueError

_ERRORS = [
    TradingError("a", found="b", expected="c", action="d"),
    DataError("a", path="x.csv", row=7, found="b", expected="c", action="d"),
    NumericsError("a", found="b"),
    VenueError("a", retryable=True, found="b", expected="c", action="d"),
    ConfigError("a"),
]


def test_text_names_place_found_expected_and_action() -> None:
    """One line, in this order."""
    assert str(_ERRORS[1]) == "x.csv, row 7: a; found b; expected c; d"
    assert str(DataError("a", path="x.csv", expected="c")) == "x.csv: a; expected c"
    assert str(ConfigError("a")) == "a"


@pytest.mark.parametrize("error", _ERRORS)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_errors_survive_pickling(error: TradingError, protocol: int) -> None:
    """Class, text and each part."""
    copy = pickle.loads(pickle.dumps(error, protocol=protocol))  # noqa: S301  # our own bytes
    assert type(copy) is type(error)
    assert (str(copy), copy.args, vars(copy)) == (str(error), error.args, vars(error))


def test_a_venue_error_says_whether_to_try_again() -> None:
    """The caller need not read the text."""
    assert VenueError("a", retryable=True).retryable
    assert not VenueError("a", retryable=False).retryable


@pytest.mark.parametrize("error", _ERRORS)
def test_one_class_catches_all(error: TradingError) -> None:
    """And a bug in the code is not among them."""
    assert isinstance(error, TradingError)
    assert not isinstance(error, ValueError | TypeError)
