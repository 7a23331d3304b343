"""Fills, decisions and paths of Greeks built by hand."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from backtest.results import DecisionRecord, FillQuote, GreeksPath
from market.chains import FloatArray
from market.fills import Cost, CostKind, Fill, Liquidity
from market.orders import PositionEffect
from market.tradables import Instrument
from market.trades import Int64Array
from strategies.decisions import Decision, Gate, Proposal, SizingTerm
from tests.execution.order_samples import NOW_NS, condor

TERMS = ("delta", "gamma", "vega", "theta", "vanna", "volga", "charm", "rho")


def fill_of(
    instrument: Instrument,
    quantity: int,
    price: str,
    *,
    fill_id: str = "f1",
    package_id: str = "package",
    cause_id: str = "decision",
    order_id: str = "order",
    at_ns: int = NOW_NS,
) -> Fill:
    """Return a simulated fill with a commission of 0.65 and an exchange fee of 0.10 a unit."""
    units = abs(quantity)
    return Fill(
        fill_id=fill_id,
        order_id=order_id,
        cause_id=cause_id,
        package_id=package_id,
        strategy="condor",
        ts_event_ns=at_ns,
        instrument=instrument,
        quantity=Decimal(quantity),
        price=Decimal(price),
        costs=(
            Cost(kind=CostKind.COMMISSION, amount=Decimal("0.65") * units),
            Cost(kind=CostKind.EXCHANGE, amount=Decimal("0.10") * units),
        ),
        liquidity=Liquidity.TAKER,
        simulated=True,
    )


def quote_of(fill_id: str, decided: tuple[float, float], executed: tuple[float, float]) -> FillQuote:
    """Return bid and ask at the decision and at the execution."""
    return FillQuote(
        fill_id=fill_id,
        decided_ns=NOW_NS,
        decided_bid=decided[0],
        decided_ask=decided[1],
        bid=executed[0],
        ask=executed[1],
    )


def decision_of(
    decision_id: str,
    *,
    reason: str = "entry",
    opens: bool = True,
    sizing: tuple[tuple[str, float, bool], ...] = (),
    factors: tuple[tuple[str, float], ...] = (),
    at_ns: int = NOW_NS,
) -> DecisionRecord:
    """Return a decision that wants a condor, or nothing."""
    proposal = Proposal(
        structure="iron_condor",
        legs=condor(),
        quantity=Decimal(1),
        limit_price=Decimal("-1.50"),
        effect=PositionEffect.OPEN,
    )
    return DecisionRecord(
        decision_id=decision_id,
        ts_event_ns=at_ns,
        strategy="condor",
        inputs=(),
        decision=Decision(
            reason=reason,
            proposals=(proposal,) if opens else (),
            gates=(Gate(name="vix_below", passed=True, value=15.0, bound=25.0),),
            sizing=tuple(SizingTerm(name=name, quantity=size, is_binding=binds) for name, size, binds in sizing),
            factors=factors,
        ),
    )


def path_of(ts_ns: Int64Array, terms: FloatArray, residual: FloatArray) -> GreeksPath:
    """Return a path whose total is what its terms, of shape ``(8, n)``, and its residual make."""
    columns = {f"{name}_usd": row for name, row in zip(TERMS, terms, strict=True)}
    return GreeksPath(
        ts_ns=ts_ns,
        spot=np.full(ts_ns.size, 4_100.0),
        total_usd=terms.sum(axis=0) + residual,
        residual_usd=residual,
        **columns,
    )
