"""Terms of option roots."""

from __future__ import annotations

import pickle
from datetime import date

import pytest

from market.calendars import expiry_series
from market.instruments import Delivery, ExerciseStyle, SettlementTime, product_of


@pytest.mark.parametrize(
    ("root", "underlying", "settlement"),
    [
        ("SPX", "SPX", SettlementTime.AM),
        ("SPXW", "SPX", SettlementTime.PM),
        ("NDX", "NDX", SettlementTime.AM),
        ("NDXP", "NDX", SettlementTime.PM),
        ("RUTW", "RUT", SettlementTime.PM),
        ("VIX", "VIX", SettlementTime.AM),
    ],
)
def test_index_roots_are_european_and_cash_settled(root: str, underlying: str, settlement: SettlementTime) -> None:
    """One underlying may have a morning and an afternoon root."""
    product = product_of(root)
    assert (product.root, product.underlying, product.settlement) == (root, underlying, settlement)
    assert (product.exercise, product.delivery, product.multiplier) == (ExerciseStyle.EUROPEAN, Delivery.CASH, 100.0)


def test_oex_is_the_american_index_option() -> None:
    """XEO is its European twin."""
    assert product_of("OEX").exercise is ExerciseStyle.AMERICAN
    assert product_of("XEO").exercise is ExerciseStyle.EUROPEAN


def test_other_roots_are_options_on_a_hundred_shares() -> None:
    """Trailing digits mark adjusted deliverables and are not part of the underlying."""
    product = product_of("AAPL7")
    assert (product.underlying, product.multiplier) == ("AAPL", 100.0)
    assert (product.exercise, product.delivery) == (ExerciseStyle.AMERICAN, Delivery.PHYSICAL)
    assert product_of("7").underlying == "7"


@pytest.mark.parametrize(("root", "multiplier"), [("BTC@DERIBIT", 1.0), ("BTC@OKX", 0.01), ("ETH@OKX", 0.1)])
def test_crypto_venues_differ_in_contract_size(root: str, multiplier: float) -> None:
    """The same coin has another multiplier on another venue."""
    assert product_of(root).multiplier == multiplier
    assert product_of(root).underlying == root[:3]


def test_series_survive_pickling() -> None:
    """Series cross processes inside chains, and stay equal and usable as keys."""
    series = expiry_series(product_of("SPXW"), date(2023, 6, 16))
    copy = pickle.loads(pickle.dumps(series))  # noqa: S301  # our own bytes
    assert copy == series
    assert hash(copy) == hash(series)
