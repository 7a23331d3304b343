"""Contracts valued one expiration at a time: the same numbers as the whole chain at once."""

from __future__ import annotations

from dataclasses import fields
from datetime import date

import numpy as np

from fields.book import requoted_book, sorted_book
from fields.chain_values import ChainValues
from fields.volatility import contract_volatility
from tests.generators import Expiry, skewed_smile, synthetic_chain

EXPIRIES = (Expiry(date(2023, 6, 9)), Expiry(date(2023, 7, 7)), Expiry(date(2023, 9, 8)))


def test_a_requoted_book_is_the_sorted_book_of_the_new_quotes() -> None:
    """The order of one chain serves the next one with the same contracts."""
    first = synthetic_chain(expiries=EXPIRIES)
    second = synthetic_chain(expiries=EXPIRIES, smile=skewed_smile(0.3), half_spread=0.2, seed=9)
    found, expected = requoted_book(sorted_book(first), second), sorted_book(second)
    for column in fields(expected):
        assert np.array_equal(getattr(found, column.name), getattr(expected, column.name)), column.name


def test_volatilities_by_expiration_are_those_of_the_whole_chain() -> None:
    """To value one expiration alone changes no number."""
    chain = synthetic_chain(expiries=EXPIRIES, half_spread=0.3, noise=0.05)
    book = sorted_book(chain)
    values = ChainValues(chain, book)
    whole = contract_volatility(book, book.vendor_iv, values.forwards, values.time).volatility
    by_chain = np.empty_like(whole)
    by_chain[book.order] = whole
    for series in (2, 0, 1):
        places = np.flatnonzero(chain.series_index == series)
        assert np.array_equal(values.volatility(places), by_chain[places], equal_nan=True)


def test_the_spot_is_the_parity_forward_of_the_nearest_expiration() -> None:
    """The printed underlying is not needed where quotes tell it."""
    chain = synthetic_chain(spot=4000.0, expiries=EXPIRIES).updated({"spot_last": 3000.0})
    assert abs(ChainValues(chain, sorted_book(chain)).spot - 4000.0) < 4.0
