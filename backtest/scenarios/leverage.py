"""A levered perpetual over recorded bars and funding: whether, when and at what price the venue takes it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from math import inf, isfinite, nan
from typing import Final

import numpy as np

from backtest.results import RunResult
from backtest.scenarios.verdict import Finding
from execution.events import CashKind, CashMovement
from execution.funding import funding_payments, settled_rows
from execution.holdings import PackagePosition
from execution.liquidation import Liquidation, MarkRange, isolated_liquidation
from market.bars import BarBatch
from market.chains import FloatArray
from market.clock import iso_of_ns
from market.errors import DataError
from market.fills import Fill
from market.funding import FundingBatch
from market.tradables import Perpetual
from risk.margin.perpetual import MaintenanceBasis, PerpetualPosition, PerpetualTerms

__all__ = ["LeveredPath", "engine_findings", "levered_path", "liquidation_findings"]

_EIGHT: Final = Decimal("0.00000001")  # venues book eight decimals


@dataclass(frozen=True, slots=True, kw_only=True)
class LeveredPath:
    """One isolated position from its entry on.

    Parameters
    ----------
    entry : PerpetualPosition
        At the open of the first bar, with its collateral.
    leverage : Decimal
        Notional over collateral at the entry.
    liquidation : Liquidation or None
        None where it lived to the end.
    bar : int
        Bar in which it was liquidated; -1 where it lived.
    funding_paid : Decimal
        Sum of funding until then, quote currency; negative where it was received.
    margin : ndarray, shape (n_bars_held,)
        Collateral in each bar up to the last that was held: the entry's less funding paid by then.
    """

    entry: PerpetualPosition
    leverage: Decimal
    liquidation: Liquidation | None
    bar: int
    funding_paid: Decimal
    margin: FloatArray


def levered_path(
    instrument: Perpetual,
    bars: BarBatch,
    funding: FundingBatch,
    leverage: Decimal,
    terms: PerpetualTerms,
    *,
    is_long: bool,
) -> LeveredPath:
    """Hold one coin from the open of the first bar until the venue takes it, or the bars end.

    Parameters
    ----------
    instrument : Perpetual
        The perpetual.
    bars : BarBatch
        In order of time; prices stand for marks.
    funding : FundingBatch
        Settled rates; the mark of a payment is its own, else the open of the bar that holds it.
    leverage : Decimal
        Notional over collateral, >= 1.
    terms : PerpetualTerms
        Maintenance rates and fee.
    is_long : bool
        Side.

    Returns
    -------
    LeveredPath
        Within a bar funding is paid before the market moves.
    """
    if not bars.n_bars:
        raise DataError("a levered position has no bars", found="none", expected="one bar or more")
    price = Decimal(repr(float(bars.open[0])))
    entry = PerpetualPosition(
        symbol=instrument.symbol,
        quantity=Decimal(1 if is_long else -1),
        entry_price=price,
        collateral=price / leverage,
    )
    part = PackagePosition(instrument=instrument, package_id="scenario", strategy="scenario", quantity=entry.quantity)
    rows, paid = settled_rows(funding), Decimal(0)
    due = funding.funding_ns[rows]
    margin: list[float] = []
    for bar in range(bars.n_bars):
        low, high, first = (Decimal(repr(float(getattr(bars, name)[bar]))) for name in ("low", "high", "open"))
        inside = np.flatnonzero((due >= bars.start_ns[bar]) & (due < bars.end_ns[bar]) & (due > bars.start_ns[0]))
        for row in rows[inside].tolist():
            paid -= sum((each.amount for each in funding_payments(funding, row, [part], mark=first)), Decimal(0))
        held = replace(entry, collateral=max(entry.collateral - paid, Decimal(0)))
        margin.append(float(held.collateral))
        marks = MarkRange(ts_ns=int(bars.end_ns[bar]), first=first, low=min(low, first), high=max(high, first))
        found = isolated_liquidation(held, marks, terms)
        if found is not None:
            return _path(entry, leverage, found, bar, paid, margin)
    return _path(entry, leverage, None, -1, paid, margin)


def _path(
    entry: PerpetualPosition, leverage: Decimal, found: Liquidation | None, bar: int, paid: Decimal, margin: list[float]
) -> LeveredPath:
    return LeveredPath(
        entry=entry, leverage=leverage, liquidation=found, bar=bar, funding_paid=paid, margin=np.array(margin)
    )


def liquidation_findings(path: LeveredPath, bars: BarBatch, terms: PerpetualTerms) -> tuple[Finding, ...]:
    """Return whether a path ended where the formulas of one tier say.

    Parameters
    ----------
    path : LeveredPath
        Of one tier and a maintenance margin at the mark.
    bars : BarBatch
        What it ran over.
    terms : PerpetualTerms
        As it ran.

    Returns
    -------
    tuple of Finding
        The trigger is ``(c - q E) / (|q| m - q)`` with quantity q, entry E, collateral c and the sum m of maintenance
        and fee rate; the bar is the first whose worst mark reaches it; the loss is no more than the collateral, unless
        the bar began beyond the bankruptcy price.
    """
    name = f"{path.leverage}x {'long' if path.entry.quantity > 0 else 'short'}"
    if len(terms.tiers) != 1 or terms.basis is not MaintenanceBasis.MARK:
        raise DataError("the formula is of one tier at the mark", found=str(terms), expected="one tier")
    found, triggers = path.liquidation, _triggers(path, terms)
    if found is None:
        distance = _distance(path, bars, triggers)
        survived = Finding(
            criterion=f"liquidation {name}",
            statement="no mark reaches the liquidation price",
            value=distance,
            bound=0.0,
            passed=distance > 0.0,
            detail="least distance of a bar's worst mark from the liquidation price, fraction",
        )
        return (survived,)
    trigger, collateral = float(triggers[-1]), float(path.margin[-1])
    apart = abs(float(found.trigger_price) / trigger - 1.0)
    loss = -float(path.entry.quantity * (found.price - path.entry.entry_price))
    began_beyond = float(found.price) == float(bars.open[path.bar])
    return (
        Finding(
            criterion=f"liquidation price {name}",
            statement="the trigger is the formula's to a ten-millionth",
            value=apart,
            bound=1e-7,
            passed=apart <= 1e-7,
            detail=f"{float(found.trigger_price):.2f} at {iso_of_ns(found.ts_ns)}, filled {float(found.price):.2f}",
        ),
        Finding(
            criterion=f"liquidation bar {name}",
            statement="no earlier bar reaches a liquidation price, and this one does",
            value=float(path.bar),
            bound=float(_first_bar(path, bars, triggers)),
            passed=path.bar == _first_bar(path, bars, triggers),
        ),
        Finding(
            criterion=f"liquidation loss {name}",
            statement="the loss is no more than the collateral, unless the bar began beyond it",
            value=loss,
            bound=collateral,
            passed=loss <= collateral + 1e-6 or began_beyond,
        ),
    )


def _triggers(path: LeveredPath, terms: PerpetualTerms) -> FloatArray:
    """Return the liquidation price in each bar that was held."""
    rate = float(terms.tiers[0].maintenance_rate + terms.fee_rate)
    quantity, entry = float(path.entry.quantity), float(path.entry.entry_price)
    found: FloatArray = (path.margin - quantity * entry) / (abs(quantity) * rate - quantity)
    return found


def _first_bar(path: LeveredPath, bars: BarBatch, triggers: FloatArray) -> int:
    """Return the first bar that reaches its liquidation price; -1 where none does."""
    held = slice(0, triggers.shape[0])
    reached = bars.low[held] <= triggers if path.entry.quantity > 0 else bars.high[held] >= triggers
    places = np.flatnonzero(reached)
    return int(places[0]) if places.size else -1


def _distance(path: LeveredPath, bars: BarBatch, triggers: FloatArray) -> float:
    known = np.flatnonzero(triggers > 0.0)
    if path.entry.quantity > 0:
        apart = bars.low[known] / triggers[known] - 1.0
    else:
        apart = 1.0 - bars.high[known] / triggers[known]
    return float(apart.min()) if known.size else inf


def engine_findings(
    result: RunResult, bars: BarBatch, funding: FundingBatch, leverage: int, terms: PerpetualTerms
) -> tuple[Finding, ...]:
    """Return whether the engine booked a levered coin as the formulas say, fixed collateral and funding in cash.

    Parameters
    ----------
    result : RunResult
        Of one long coin with isolated collateral at the leverage, from its first fill on.
    bars : BarBatch
        What it ran over.
    funding : FundingBatch
        Settled rates with their marks.
    leverage : int
        Notional over collateral.
    terms : PerpetualTerms
        Of one tier, as it ran.

    Returns
    -------
    tuple of Finding
        Whether it was liquidated in the first bar that reaches ``E (1 - 1 / L) / (1 - m)``, at ``E (1 - 1 / L)`` or at
        the open of a bar that began below; and whether the funding in the account is what the rates add up to.
    """
    name, counted = f"{leverage}x engine", result.counts.get("liquidations", 0)
    fills = [event for event in result.ledger if isinstance(event, Fill)]
    opened, taken = fills[0], [fill for fill in fills if fill.fill_id.startswith("liquidation:")]
    entry = float(opened.price)
    bankruptcy = entry * (1.0 - 1.0 / leverage)
    rate = float(terms.tiers[0].maintenance_rate + terms.fee_rate)
    reached = (bars.start_ns >= opened.ts_event_ns) & (bars.low <= bankruptcy / (1.0 - rate))
    expected = int(np.flatnonzero(reached)[0]) if reached.any() else -1
    closed_ns = taken[0].ts_event_ns if taken else int(bars.end_ns[-1])
    paid_until_ns = closed_ns - bool(taken)  # a bar that kills has ended before the funding of its last instant
    price = nan if expected < 0 else min(bankruptcy, float(bars.open[expected]))
    found = float(taken[0].price) if taken else nan
    agrees = (not taken) if expected < 0 else bool(taken) and abs(found - price) <= 1e-6
    at = -1 if expected < 0 else int(bars.end_ns[expected])
    return (
        Finding(
            criterion=f"liquidation {name}",
            statement="booked at the bankruptcy price, or at the open of a bar that began beyond; only where due",
            value=found,
            bound=price,
            passed=agrees and counted == len(taken),
        ),
        Finding(
            criterion=f"liquidation instant {name}",
            statement="booked at the end of the first bar that reaches the trigger",
            value=float(closed_ns if taken else -1),
            bound=float(at),
            passed=(closed_ns if taken else -1) == at,
        ),
        _funding_finding(name, result, bars, funding, (opened.ts_event_ns, paid_until_ns)),
    )


def _funding_finding(
    name: str, result: RunResult, bars: BarBatch, funding: FundingBatch, span: tuple[int, int]
) -> Finding:
    """Hold the booked funding against the rates; a payment without a mark is taken at the newest close by then."""
    due = Decimal(0)
    for row in settled_rows(funding).tolist():
        at = int(funding.funding_ns[row])
        if span[0] < at <= span[1]:
            newest = int(np.searchsorted(bars.end_ns, at, side="right")) - 1
            told = float(funding.mark[row])
            mark = Decimal(repr(told if isfinite(told) else float(bars.close[newest])))
            due -= (mark * Decimal(repr(float(funding.rate[row])))).quantize(_EIGHT)
    movements = [event for event in result.ledger if isinstance(event, CashMovement)]
    booked = sum((each.amount for each in movements if each.kind is CashKind.FUNDING), Decimal(0))
    return Finding(
        criterion=f"funding {name}",
        statement="what is booked is the sum of rate times mark, to eight decimals",
        value=float(booked),
        bound=float(due),
        passed=booked == due,
    )
