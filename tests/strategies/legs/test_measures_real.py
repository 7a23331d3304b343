"""Measures of packages on recorded chains, against the quotes themselves."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from math import isfinite
from pathlib import Path

import pytest

from adapters.chains import open_chains
from strategies.chain_lookup import ChainLookup, nearest_expiration
from strategies.legs.measures import PackageMeasures, package_measures
from strategies.legs.rules import placed
from strategies.structures.iron_condor import condor_by_delta
from strategies.structures.shapes import SHAPES
from strategies.views import ChainView

pytestmark = pytest.mark.data

N_SESSIONS = 8
# Of one package, USD: what a tick on each leg of an index comes to.
TICKS = 20.0


def views(data_root: Path, symbol: str) -> Iterator[ChainView]:
    """Yield the first recorded sessions of an underlying."""
    path = data_root / "option_chains" / f"cboe_{symbol}_snapshots.parquet"
    for chain in islice(open_chains(path), N_SESSIONS):
        yield ChainLookup().view(chain)


def measured(view: ChainView, series: tuple[int, ...], name: str, *, delta: float = 0.0) -> PackageMeasures | None:
    """Return a structure at its mids; None where the chain does not list it or tells no forward."""
    wide = 50.0 if view.spot > 1000.0 else 5.0
    found = placed(view, series, condor_by_delta(delta, wide) if delta else SHAPES[name].structure)
    if not found.legs or not isfinite(view.parity(series[0])[0]):
        return None
    chain = view.chain
    mids = [0.5 * float(chain.bid[place] + chain.ask[place]) for place in found.places]
    price = sum(leg.ratio * mid for leg, mid in zip(found.legs, mids, strict=True))
    return package_measures(view, found, Decimal(repr(round(price, 4))))


@pytest.mark.parametrize("symbol", ["spx", "spy"])
def test_condors_are_worth_their_mids_and_win_as_their_deltas_say(data_root: Path, symbol: str) -> None:
    """The smile's density gives the mids back to a tick or their spreads; EQ5 holds of every session and delta."""
    compared = 0
    for view in views(data_root, symbol):
        series = nearest_expiration(view, 40, 20, 60)
        for delta in (0.12, 0.2, 0.3):
            m = measured(view, (series,), "iron_condor", delta=delta)
            if m is None:
                continue
            reading = m.at_quotes
            chain, places = view.chain, list(m._placed.places)
            crossing = 50.0 * float((chain.ask[places] - chain.bid[places]).sum())
            assert abs(reading.expected_value) <= TICKS + crossing
            assert -0.05 <= reading.probability_of_profit - (1.0 - 2.0 * delta) <= 0.2
            assert reading.probability_of_profit + reading.probability_of_max_loss < 1.0
            assert reading.probability_of_profit == pytest.approx(m.at_one_volatility.probability_of_profit, abs=0.08)
            assert m.buying_power == pytest.approx(float(m.max_loss), abs=0.01)
            assert all(each.probability_beyond <= each.probability_of_touch for each in m.touches)
            compared += 1
    assert compared >= 12


@pytest.mark.parametrize("symbol", ["spx", "spy"])
def test_calendars_lose_no_more_than_their_bound(data_root: Path, symbol: str) -> None:
    """The model's largest loss at the first expiry stays within what holds without a model; Greeks are all there."""
    compared = 0
    for view in views(data_root, symbol):
        for name in ("calendar", "diagonal"):
            series = tuple(nearest_expiration(view, days, days - 14, days + 25) for days in SHAPES[name].days)
            m = measured(view, series, name) if min(series) >= 0 and len(set(series)) == len(series) else None
            if m is None or not m.net_price > 0:
                continue
            assert float(m.net_price * 100) - 0.01 <= float(m.max_loss) < 1.2 * float(m.net_price * 100)
            assert m.front.max_loss <= float(m.max_loss) + 0.01
            assert m.max_profit > 0.0
            assert m.greeks.reason == ""
            assert m.greeks.vega_usd_per_volpt > 0.0
            compared += 1
    assert compared >= 6
