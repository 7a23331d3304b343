"""What the legs of a book are worth: chains of files, checked quotes, contracts that are found or missed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import isnan, nan
from pathlib import Path
from typing import Final

import numpy as np

from adapters.chains import open_source
from adapters.chains.occ import parse_occ
from cluster.stress.positions import BookRow
from market.calendars import expiry_series
from market.chains import OptionChain
from market.clock import iso_of_ns
from market.errors import DataError
from market.instruments import Delivery, product_of
from market.tradables import Instrument, OptionContract, Perpetual, Share, contract_at, option_contract
from risk.book import PricedBook
from strategies.chain_lookup import ChainLookup, nearest_expiration, nearest_strike
from strategies.priced_book import Benchmark, OwnedLeg, priced_book
from strategies.views import ChainView

__all__ = ["BookMarket", "PricedPositions", "price_positions", "read_chains", "volatility_of_30_days"]

_NS_PER_S: Final = 1_000_000_000
_MOST_NAMED: Final = 5
_COIN_TICK: Final = Decimal("0.01")
_COIN_LOT: Final = Decimal("0.001")


class BookMarket:
    """The newest chain of each underlying and the newest print of each symbol.

    Parameters
    ----------
    chains : iterable of OptionChain
        In any order; the newest of each underlying counts.
    prints : mapping of str to (float, int)
        Price and instant by symbol, of sources other than chains.
    """

    def __init__(self, chains: Iterable[OptionChain], prints: Mapping[str, tuple[float, int]]) -> None:
        lookup = ChainLookup()
        newest: dict[str, OptionChain] = {}
        for chain in chains:
            if chain.symbol not in newest or newest[chain.symbol].ts_event_ns <= chain.ts_event_ns:
                newest[chain.symbol] = chain
        self._views = {symbol: lookup.view(chain) for symbol, chain in newest.items()}
        self._prints = dict(prints)

    @property
    def views(self) -> Mapping[str, ChainView]:
        """Views of the chains by underlying."""
        return self._views

    def chain(self, symbol: str) -> ChainView | None:
        """Return the chain of an underlying; None where there is none."""
        return self._views.get(symbol)

    def price(self, symbol: str) -> tuple[float, int]:
        """Return the newest print of a symbol and its instant; NaN and -1 without one."""
        return self._prints.get(symbol, (nan, -1))


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedPositions:
    """A book that can be revalued, with what it was made of.

    Parameters
    ----------
    book : PricedBook
        Legs in the order of the rows.
    instruments : tuple of Instrument
        Of each leg.
    rows : tuple of BookRow
        As they were written.
    notes : tuple of str
        What a reader must know of marks that are missing.
    simulated : bool
        Whether a chain was recorded from a simulation.
    """

    book: PricedBook
    instruments: tuple[Instrument, ...]
    rows: tuple[BookRow, ...]
    notes: tuple[str, ...]
    simulated: bool


def read_chains(paths: Sequence[Path], session: date | None) -> tuple[OptionChain, ...]:
    """Read the last snapshot of each underlying of each file, of one session where it is named."""
    chains = []
    for path in paths:
        source = open_source(path)
        places = {key.symbol: place for place, key in enumerate(source.snapshots) if session in {None, key.session}}
        if not places:
            told = ", ".join(sorted({key.session.isoformat() for key in source.snapshots})[-_MOST_NAMED:])
            raise DataError("a file has no chain of that session", path=str(path), expected=f"one of {told}")
        chains += [source.read(place) for place in places.values()]
    return tuple(chains)


def volatility_of_30_days(view: ChainView) -> float:
    """Return the volatility at the money of the expiration nearest to 30 days, annualised; NaN without one in 15 to 60.

    The mean of call and put at the strike nearest to spot. It is no VIX, which also counts the wings and lies above it.
    """
    series = nearest_expiration(view, 30, 15, 60)
    if series < 0:
        return nan
    places = [nearest_strike(view, series, view.spot, is_call=is_call) for is_call in (True, False)]
    known = np.array([place for place in places if place >= 0], dtype=np.int64)
    return float(view.implied_vol(known).mean()) if known.size else nan


def price_positions(
    rows: Sequence[BookRow], market: BookMarket, *, max_age_s: float, benchmark: Benchmark | None = None
) -> PricedPositions:
    """Find the contracts of a book, mark them at the middle of their quotes, and value what their prices imply.

    Parameters
    ----------
    rows : sequence of BookRow
        Positions.
    market : BookMarket
        Chains and prints.
    max_age_s : float
        Oldest chain or quote that counts, seconds before the newest chain.
    benchmark : Benchmark, optional
        Betas.

    Returns
    -------
    PricedPositions
        A leg without a usable quote has no mark, and a note says which and why.

    Raises
    ------
    DataError
        A contract that no chain lists, has ended, or belongs to a chain that is too old.
    """
    now_ns = _instant(rows, market)
    legs, notes = [], []
    for number, row in enumerate(rows, start=1):
        instrument = _instrument(row, market)
        _check_alive(row, instrument, market, now_ns, max_age_s)
        mark, note = _mark(row, instrument, market, now_ns, max_age_s)
        notes += [f"{row.symbol}: {note}"] if note else []
        legs.append(
            OwnedLeg(
                package_id=row.package or f"row {number}",
                strategy=row.strategy or "book",
                instrument=instrument,
                units=row.quantity,
                mark=mark,
            )
        )
    simulated = any(view.chain.provenance.simulated for view in market.views.values())
    return PricedPositions(
        book=priced_book(market, legs, now_ns, benchmark=benchmark),
        instruments=tuple(leg.instrument for leg in legs),
        rows=tuple(rows),
        notes=tuple(notes),
        simulated=simulated,
    )


def _instant(rows: Sequence[BookRow], market: BookMarket) -> int:
    instants = [view.chain.ts_event_ns for view in market.views.values()]
    instants = instants or [market.price(row.symbol)[1] for row in rows]
    if max(instants) < 0:
        raise DataError(
            "nothing tells what the book is worth, and when",
            expected="chains of its underlyings, or daily prices of its shares",
            action="name them with --chain FILE or --history FILE",
        )
    return max(instants)


def _instrument(row: BookRow, market: BookMarket) -> Instrument:
    if row.instrument is not None:
        return row.instrument
    listed = _listed(row.symbol, market)
    if listed is not None:
        return listed
    found = parse_occ(np.array([row.symbol.encode()]))
    if bool(found.valid[0]):
        series = expiry_series(product_of(found.root[0].decode()), found.expiration[0].item())
        return option_contract(series, float(found.strike[0]), is_call=bool(found.right[0]))
    if "/" in row.symbol:
        coin, _, rest = row.symbol.partition("/")
        currency = rest.partition(":")[0]
        return Perpetual(symbol=row.symbol, underlying=coin, tick=_COIN_TICK, lot=_COIN_LOT, currency=currency)
    if any(letter.isdigit() for letter in row.symbol) or product_of(row.symbol).delivery is Delivery.CASH:
        raise DataError(
            "a position names nothing that can be held",
            found=f"{row.symbol} at {row.place}",
            expected="an option such as SPXW250919P06000000, a share such as SPY, a perpetual such as BTC/USDT:USDT",
        )
    return Share(symbol=row.symbol)


def _listed(symbol: str, market: BookMarket) -> OptionContract | None:
    """Return a contract by the name that a venue gives it, as exchanges of coins do."""
    for view in market.views.values():
        places = np.flatnonzero(view.chain.symbols == symbol.encode())
        if places.size:
            return contract_at(view.chain, int(places[0]))
    return None


def _check_alive(row: BookRow, instrument: Instrument, market: BookMarket, now_ns: int, max_age_s: float) -> None:
    if not isinstance(instrument, OptionContract):
        return
    if instrument.series.expiry_ns <= now_ns:
        raise DataError(
            "a contract of the book has ended",
            found=f"{row.symbol}: {iso_of_ns(instrument.series.expiry_ns)}, and the market is of {iso_of_ns(now_ns)}",
            action="take it out, or name a chain of its lifetime",
        )
    view = market.chain(instrument.underlying)
    if view is None:
        raise DataError(
            "no chain of an underlying of the book",
            found=f"{row.symbol}, and chains of {', '.join(sorted(market.views)) or 'nothing'}",
            expected=f"a chain of {instrument.underlying}",
            action="name it with --chain FILE",
        )
    age_s = (now_ns - view.chain.ts_event_ns) / _NS_PER_S
    if age_s > max_age_s:
        raise DataError(
            "the chains of the book are too far apart",
            found=f"that of {instrument.underlying} is {age_s / 3600.0:.1f} hours older than the newest",
            expected=f"{max_age_s / 3600.0:g} hours at most",
            action="name chains of one instant, or a larger --max-age",
        )
    if view.place(instrument) < 0:
        raise DataError(
            "a contract of the book is not listed",
            found=f"{row.symbol} at {row.place}",
            expected=_nearest(view, instrument),
            action="check expiration and strike; an adjusted contract has another root",
        )


def _nearest(view: ChainView, contract: OptionContract) -> str:
    """Return what the chain lists next to a contract that it does not."""
    series = [
        place for place, each in enumerate(view.chain.series) if each.product.root == contract.series.product.root
    ]
    if not series:
        return f"one of the roots {', '.join(sorted({each.product.root for each in view.chain.series}))}"
    days = [abs((view.chain.series[place].expiration - contract.series.expiration).days) for place in series]
    best = series[int(np.argmin(days))]
    if min(days):
        return f"an expiration such as {view.chain.series[best].expiration.isoformat()}"
    strikes = view.chain.strike[view.side(best, is_call=contract.is_call)]
    near = strikes[np.argsort(np.abs(strikes - float(contract.strike)), kind="stable")[:3]]
    return "strikes such as " + ", ".join(f"{strike:g}" for strike in sorted(near.tolist()))


def _mark(row: BookRow, instrument: Instrument, market: BookMarket, now_ns: int, max_age_s: float) -> tuple[float, str]:
    """Return the mark of a leg and what must be said of it; a bid of nothing counts 0, a missing ask leaves no mark."""
    if not isnan(row.mark):
        return row.mark, ""
    if not isinstance(instrument, OptionContract):
        return _linear_mark(instrument, market, now_ns, max_age_s)
    view = market.chain(instrument.underlying)
    if view is None:
        return nan, "no chain"
    chain, place = view.chain, view.place(instrument)
    bid, ask = float(chain.bid[place]), float(chain.ask[place])
    age_s = (now_ns - int(chain.quote_ts_ns[place])) / _NS_PER_S
    note = ""
    if age_s > max_age_s:
        note = f"its quote is {age_s / 3600.0:.1f} hours old; allow it with --max-age, or give the row a mark"
    elif not ask > 0.0:
        note = "nobody asks a price; give the row a mark"
    elif bid > ask:
        note = f"its quotes are crossed, {bid:g} over {ask:g}; give the row a mark"
    return (nan, note) if note else (0.5 * (ask + max(0.0, bid)), "")


def _linear_mark(instrument: Instrument, market: BookMarket, now_ns: int, max_age_s: float) -> tuple[float, str]:
    view, (printed, printed_ns) = market.chain(instrument.underlying), market.price(instrument.symbol)
    if not isnan(printed) and now_ns - printed_ns <= max_age_s * _NS_PER_S:
        return printed, ""
    spot = nan if view is None else view.chain.spot_last
    if isnan(spot) and view is not None:
        spot = view.spot
    return spot, "no price that is new enough; give the row a mark, or name --chain or --history" if isnan(spot) else ""
