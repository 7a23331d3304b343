"""The sorted book: order, twins, strikes, and pairs that are merged for the ladder."""

from __future__ import annotations

import numpy as np

from fields.book import sorted_book
from fields.compute import compute_field
from fields.config import FieldConfig
from tests.generators import reordered, synthetic_chain

CHAIN = synthetic_chain(half_spread=0.2)


def test_book_is_sorted_by_series_strike_and_right() -> None:
    """Whatever the order of the chain, and `order` leads back to it."""
    mixed = reordered(CHAIN, np.random.default_rng(1).permutation(CHAIN.n_contracts))
    book = sorted_book(mixed)
    assert np.array_equal(np.lexsort((book.is_call, book.strike, book.series)), np.arange(mixed.n_contracts))
    assert np.array_equal(mixed.strike[book.order], book.strike)
    assert np.array_equal(mixed.bid[book.order], book.bid)
    assert np.array_equal(np.diff(book.series_start), np.bincount(mixed.series_index))


def test_twins_are_mutual_and_of_the_other_right() -> None:
    """A contract without a partner has none."""
    lonely = int(np.flatnonzero(CHAIN.is_call)[3])
    book = sorted_book(reordered(CHAIN, np.delete(np.arange(CHAIN.n_contracts), lonely)))
    paired = np.flatnonzero(book.twin >= 0)
    assert (book.twin < 0).sum() == 1
    assert np.array_equal(book.twin[book.twin[paired]], paired)
    assert np.array_equal(book.strike[book.twin[paired]], book.strike[paired])
    assert (book.is_call[book.twin[paired]] != book.is_call[paired]).all()


def test_strikes_are_distinct_and_shared_by_all_series() -> None:
    """Each contract finds its own strike in the table."""
    book = sorted_book(CHAIN)
    assert np.array_equal(book.strikes, np.unique(CHAIN.strike))
    assert np.array_equal(book.strikes[book.strike_place], book.strike)


def test_heatmap_and_profile_hold_the_whole_gamma() -> None:
    """Buckets and what fell beside them add up to the total, and so do the strikes."""
    found = compute_field(CHAIN, FieldConfig())
    total = found.totals.gamma_usd_per_pct
    profile = found.profile.call_gamma_usd_per_pct.sum() + found.profile.put_gamma_usd_per_pct.sum()
    heatmap = found.heatmap.gamma_usd_per_pct.sum() + found.heatmap.outside_usd_per_pct.sum()
    scale = np.abs(found.profile.call_gamma_usd_per_pct).sum()
    assert abs(profile - total) <= 1e-13 * scale
    assert abs(heatmap - total) <= 1e-13 * scale
    assert found.heatmap.expiry_ns.tolist() == sorted(s.expiry_ns for s in CHAIN.series)
