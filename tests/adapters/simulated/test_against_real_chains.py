"""Simulated chains beside real SPX sessions: the figures that a reader of chains would look at first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.adapters.simulated.samples import index_symbol, one_symbol, stepped

# Regular-hours sessions with two-sided quotes: 2022, 2023 and 2025, calm and not.
_SESSIONS = (date(2022, 7, 12), date(2023, 5, 23), date(2025, 8, 26))
_COLUMNS = ["session_date", "expiration", "right", "bid", "ask", "iv", "delta", "open_interest"]


@dataclass(frozen=True)
class Figures:
    """What one chain looks like; spreads by the buckets of `_BUCKETS`."""

    zero_bids_of_worthless: float
    zero_bids_of_the_rest: float
    relative_spread: dict[tuple[int, int], float]
    skew: float
    untouched: float
    expirations_within_a_week: int


_DELTAS = ((0.02, 0.10), (0.10, 0.30), (0.30, 0.50), (0.50, 0.70))
_DAYS = ((2, 7), (8, 30), (31, 90), (91, 370))


def _figures(chain: pd.DataFrame) -> Figures:
    chain = chain[chain.days.between(1, 370)]
    size = chain.delta.abs()
    mid = 0.5 * (chain.bid + chain.ask)
    relative = ((chain.ask - chain.bid) / mid).where(chain.bid > 0.0)
    puts = chain[(~chain.is_call) & chain.days.between(20, 40)]
    low, money = (puts.iv[(puts.delta.abs() - level).abs().nsmallest(5).index].mean() for level in (0.10, 0.50))
    return Figures(
        zero_bids_of_worthless=float((chain.bid[size < 0.001] == 0.0).mean()),
        zero_bids_of_the_rest=float((chain.bid[size > 0.02] == 0.0).mean()),
        relative_spread={
            (d, t): float(relative[size.between(*_DELTAS[d]) & chain.days.between(*_DAYS[t])].median())
            for d in range(len(_DELTAS))
            for t in range(len(_DAYS))
        },
        skew=float(low / money),
        untouched=float((chain.open_interest == 0).mean()),
        expirations_within_a_week=int(chain.days[chain.days <= 7].nunique()),
    )


@pytest.fixture(scope="module")
def real(data_root: Path) -> list[Figures]:
    """Return the figures of the real sessions."""
    table = pd.read_parquet(data_root / "option_chains" / "cboe_spx_snapshots.parquet", columns=_COLUMNS)
    table["days"] = (table.expiration - table.session_date).dt.days
    table["is_call"] = table.right.astype(str).str.upper().str.startswith("C")
    return [_figures(table[table.session_date == pd.Timestamp(day)]) for day in _SESSIONS]


@pytest.fixture(scope="module")
def simulated() -> Figures:
    """Return the figures of SIM.SPX in the middle of its second session."""
    market = stepped(one_symbol(index_symbol()), 60)
    chain, truth = market.chains()[0], market.truth("SIM.SPX")
    days = np.array([(series.expiration - chain.session).days for series in chain.series])
    return _figures(
        pd.DataFrame(
            {
                "days": days[chain.series_index],
                "is_call": chain.is_call,
                "bid": chain.bid,
                "ask": chain.ask,
                "iv": truth.volatility,
                "delta": truth.delta,
                "open_interest": chain.open_interest,
            }
        )
    )


@pytest.mark.data
def test_relative_spreads_are_those_of_real_quotes(real: list[Figures], simulated: Figures) -> None:
    """In each bucket of delta and maturity: within a factor of 2 of the range of the real sessions."""
    for bucket, spread in simulated.relative_spread.items():
        found = [figures.relative_spread[bucket] for figures in real]
        assert 0.5 * min(found) < spread < 2.0 * max(found), bucket


@pytest.mark.data
def test_only_worthless_options_have_no_bid(real: list[Figures], simulated: Figures) -> None:
    """As in the real sessions, most options below 0.001 delta are not bid for, and none above 0.02 goes without."""
    for figures in [*real, simulated]:
        assert figures.zero_bids_of_worthless > 0.6
        assert figures.zero_bids_of_the_rest < 0.01


@pytest.mark.data
def test_the_skew_of_a_month_lies_in_the_real_range(real: list[Figures], simulated: Figures) -> None:
    """Puts of 10 delta carry more volatility than at the money, by a ratio that real sessions show."""
    found = [figures.skew for figures in real]
    assert min(found) > 1.0
    assert min(found) - 0.15 < simulated.skew < max(found) + 0.15


@pytest.mark.data
def test_expirations_and_untouched_contracts_are_comparable(real: list[Figures], simulated: Figures) -> None:
    """Daily expirations as since 2022, and a minority of contracts that nobody holds."""
    for figures in [*real, simulated]:
        assert 3 <= figures.expirations_within_a_week <= 6
        assert 0.02 < figures.untouched < 0.4
