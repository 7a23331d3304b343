"""What must hold in a scenario, measured on what a run leaves; none of it is about profit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from math import inf, isfinite, nan
from typing import Final

import numpy as np

from backtest.history import Halt
from backtest.results import RunResult
from backtest.scenarios.verdict import Finding
from execution.events import CashMovement, LedgerEvent, Settlement
from fields.regime.axes import RegimeInputs, TermStructure
from fields.regime.config import RegimeConfig
from fields.regime.rules import term_structure_rule
from market.calendars import Session
from market.clock import iso_of_ns, ns_of_datetime
from market.fills import Fill
from market.series import SeriesBatch
from market.tradables import OptionContract
from strategies.legs.rules import PlacedStructure

__all__ = [
    "closed_within_session",
    "fills_in_halts",
    "fills_in_sessions",
    "held_over_a_gap",
    "inputs_known",
    "ledger_identity",
    "loss_within_maximum",
    "ran_to_the_end",
    "same_day_share_grows",
    "term_structure_inverts",
]

_CENT: Final = 0.01


def ran_to_the_end(result: RunResult) -> Finding:
    """Return whether the run met all its data."""
    return Finding(
        criterion="ran_to_the_end",
        statement="the run stops at no event",
        value=float(bool(result.stopped)),
        bound=0.0,
        passed=not result.stopped,
        detail=result.stopped,
    )


def ledger_identity(result: RunResult) -> Finding:
    """Return the largest break of the account's identities.

    Parameters
    ----------
    result : RunResult
        Of options and shares, whose cash moves by premium.

    Returns
    -------
    Finding
        At every mark equity is deposits, realised and unrealised profit and income less costs; and the cash at the end
        is what the bookings alone add up to, reckoned anew here. Bound: a thousandth of a cent, the rounding of floats.
    """
    c = result.curve
    sides = c.deposits + c.realised + c.unrealised - c.costs + c.income
    broken = float(np.abs(c.equity - sides).max()) if c.ts_ns.shape[0] else inf
    booked = float(sum((_cash(event) for event in result.ledger), Decimal(0)))
    last = abs(float(c.cash[-1]) - booked) if c.ts_ns.shape[0] else inf
    value = max(broken, last)
    return Finding(
        criterion="ledger_identity",
        statement="account identities break by less than 0.00001",
        value=value,
        bound=1e-5,
        passed=value < 1e-5,
        detail=f"{len(result.ledger)} bookings",
    )


def _cash(event: LedgerEvent) -> Decimal:
    if isinstance(event, Fill):
        return -event.quantity * event.price * event.instrument.multiplier - event.total_cost
    if isinstance(event, Settlement):
        paid = event.quantity * event.price * event.instrument.multiplier
        return paid - event.delivered_quantity * event.delivered_price
    return event.amount if isinstance(event, CashMovement) else Decimal(0)


def loss_within_maximum(result: RunResult, probes: frozenset[str] = frozenset()) -> Finding:
    """Return the worst loss of a trade over what its structure could lose at its entry price, costs apart.

    Parameters
    ----------
    result : RunResult
        With trades of bounded structures.
    probes : frozenset of str
        Strategies that trade at any price, and by closing at a wide market can lose more than expiry could take.

    Returns
    -------
    Finding
        At most 1. Not passed where nothing was traded: a scenario that trades nothing shows nothing.
    """
    worst, where = -inf, "no trade of bounded loss"
    for trade in (each for each in result.trades if each.strategy not in probes):
        payoff = PlacedStructure(legs=trade.legs, places=()).payoff(Decimal(repr(trade.entry_price)))
        most = float(payoff.max_loss * trade.quantity)
        if isfinite(most) and most > 0.0:
            share = -float(trade.gross_pnl) / most
            if share > worst:
                when = iso_of_ns(trade.closed_ns)
                worst, where = share, f"{trade.structure} closed {when} by {trade.exit_reason}: of {most:.2f}"
    allowed = 1.0 + 1e-9
    return Finding(
        criterion="loss_within_maximum",
        statement="no trade loses more than its maximum loss, before costs",
        value=worst,
        bound=1.0,
        passed=isfinite(worst) and worst <= allowed,
        detail=where,
    )


def fills_in_sessions(result: RunResult, sessions: Sequence[Session]) -> Finding:
    """Return how many fills lie outside of the sessions: in a gap nothing trades, stops least of all."""
    opens = np.array([session.open_ns for session in sessions], dtype=np.int64)
    closes = np.array([session.close_ns for session in sessions], dtype=np.int64)
    instants = np.array([fill.ts_event_ns for fill in result.fills], dtype=np.int64)
    place = np.searchsorted(opens, instants, side="right") - 1
    outside = int(((place < 0) | (instants > closes[np.maximum(place, 0)])).sum())
    return Finding(
        criterion="fills_in_sessions",
        statement="no fill between a close and the next open",
        value=float(outside),
        bound=0.0,
        passed=outside == 0 and bool(result.fills),
        detail=f"{len(result.fills)} fills",
    )


def held_over_a_gap(result: RunResult, gap: tuple[int, int]) -> Finding:
    """Return how many trades were open over a gap, so that the scenario tests what it says.

    Parameters
    ----------
    result : RunResult
        The run.
    gap : tuple of (int, int)
        From a close to the open after it, ns since the epoch, UTC.
    """
    spans = [(trade.opened_ns, trade.closed_ns) for trade in result.trades]
    spans += [(package.opened_ns, int(result.curve.ts_ns[-1])) for package in result.open_packages]
    held = sum(opened <= gap[0] and closed >= gap[1] for opened, closed in spans)
    return Finding(
        criterion="held_over_the_gap",
        statement="at least one package is held from before the gap until after it",
        value=float(held),
        bound=1.0,
        passed=held >= 1,
        detail=f"gap {iso_of_ns(gap[0])} to {iso_of_ns(gap[1])}",
    )


def fills_in_halts(result: RunResult, halts: Sequence[Halt], asked: int) -> Finding:
    """Return how many fills lie in halts.

    Parameters
    ----------
    result : RunResult
        The run.
    halts : sequence of Halt
        Spans without trading.
    asked : int
        Orders that must have been working in halts at least; fewer show nothing.
    """
    spans = [(halt.start_ns, halt.end_ns) for halt in halts]
    inside = sum(start <= fill.ts_event_ns < end for fill in result.fills for start, end in spans)
    lives = [(order.intent.ts_event_ns, order.intent.good_until_ns or 1 << 62) for order in result.orders]
    waiting = sum(sent < end and until > start for sent, until in lives for start, end in spans)
    return Finding(
        criterion="fills_in_halts",
        statement=f"no fill in a halt, although {asked} orders or more were working in halts",
        value=float(inside),
        bound=0.0,
        passed=inside == 0 and waiting >= asked,
        detail=f"{waiting} orders working in {len(spans)} halts",
    )


def inputs_known(result: RunResult) -> Finding:
    """Return by how much the newest input of any decision lies after the decision, seconds; 0 where none does."""
    worst, n_inputs = -inf, 0
    for record in result.decisions:
        for name, told in record.inputs:
            instant = _instant(name, told)
            n_inputs += 1
            worst = max(worst, (instant - record.ts_event_ns) / 1e9)
    return Finding(
        criterion="inputs_known",
        statement="no decision saw an input of a later instant",
        value=worst if n_inputs else nan,
        bound=0.0,
        passed=n_inputs > 0 and worst <= 0.0,
        detail=f"{n_inputs} inputs of {len(result.decisions)} decisions",
    )


def _instant(name: str, told: str) -> int:
    """Return the instant of an input by the way in which `strategies.market_state.MarketState` names it."""
    if name.startswith("chain "):
        return ns_of_datetime(datetime.fromisoformat(told.rpartition(f":{name.removeprefix('chain ')}:")[2]))
    return int(told.rpartition("/")[2])


def term_structure_inverts(vix9d: SeriesBatch, vix: SeriesBatch, *, from_ns: int, by_ns: int) -> Finding:
    """Return when the regime axis of the term structure was INVERTED by what was published.

    Parameters
    ----------
    vix9d, vix : SeriesBatch
        The indices.
    from_ns, by_ns : int
        First and latest instant that count, ns since the epoch, UTC; what was published before sets the bands.

    Returns
    -------
    Finding
        Its value is how many hours before that instant it was, by the axis' own rule and bands.
    """
    config, state = RegimeConfig(), None
    for instant in np.unique(np.concatenate((vix9d.available_ns, vix.available_ns))).tolist():
        if instant > by_ns:
            break
        values = (vix9d.as_of(instant).value, vix.as_of(instant).value)
        state = term_structure_rule(RegimeInputs(vix9d=values[0], vix=values[1]), config, state).state
        if state is TermStructure.INVERTED and instant >= from_ns:
            hours = (by_ns - instant) / 3.6e12
            detail = f"VIX9D {values[0]:g} over VIX {values[1]:g}, known {iso_of_ns(instant)}"
            return Finding(
                criterion="term_structure_inverts",
                statement=f"the axis is INVERTED by {iso_of_ns(by_ns)}",
                value=hours,
                bound=0.0,
                passed=True,
                detail=detail,
            )
    return Finding(
        criterion="term_structure_inverts",
        statement=f"the axis is INVERTED by {iso_of_ns(by_ns)}",
        value=nan,
        bound=0.0,
        passed=False,
        detail="it was not",
    )


def closed_within_session(result: RunResult) -> Finding:
    """Return how many trades of the same day outlive it: after the close of a 0DTE day nothing may be open."""
    over = sum(
        trade.closed_ns > max(_end_ns(leg.instrument) for leg in trade.legs)
        or iso_of_ns(trade.opened_ns)[:10] != iso_of_ns(trade.closed_ns)[:10]
        for trade in result.trades
    ) + len(result.open_packages)
    return Finding(
        criterion="closed_within_session",
        statement="every package ends on the day on which it was opened",
        value=float(over),
        bound=0.0,
        passed=over == 0 and bool(result.trades),
        detail=f"{len(result.trades)} trades",
    )


def _end_ns(instrument: object) -> int:
    return instrument.series.expiry_ns if isinstance(instrument, OptionContract) else 1 << 62


def same_day_share_grows(shares: Sequence[tuple[str, float]]) -> Finding:
    """Return the least growth of the share of volume in options of the same day from one period to the next.

    Parameters
    ----------
    shares : sequence of (str, float)
        Period, and mean share of its recorded sessions, 0 to 1, in order of time.
    """
    steps = [later - earlier for (_, earlier), (_, later) in pairwise(shares)]
    value = min(steps) if steps else nan
    return Finding(
        criterion="same_day_share_grows",
        statement="the share of volume that expires the same day rises from each period to the next",
        value=value,
        bound=0.0,
        passed=bool(steps) and value > 0.0,
        detail=", ".join(f"{period}: {share:.1%}" for period, share in shares),
    )
