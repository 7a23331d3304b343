"""A small run, written by hand: one condor that was sold, settled and paid for, beside shares that are still held."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from decimal import Decimal
from math import inf

import numpy as np

from backtest.history import DataSource
from backtest.results import AccountCurve, DecisionRecord, FillQuote, GreeksPath, RunDescription, RunResult
from execution.events import CashKind, CashMovement, LedgerEvent, Settlement, SettlementKind
from execution.margin_call import MarginCall
from execution.orders import Order, OrderStatus
from execution.trades import Trade
from market.fills import Cost, CostKind, Fill, Liquidity
from market.instruments import ExpirySeries, product_of
from market.orders import Leg, OrderIntent, PositionEffect, TimeInForce
from market.provenance import AsOfSource, Provenance
from market.tradables import Instrument, Share, option_contract
from market.trades import Int64Array
from strategies.decisions import Decision, Gate, Proposal, SizingTerm
from strategies.views import HeldPackage

DAY_NS = 86_400_000_000_000
START_NS = 1_684_852_200_000_000_000
"""23 May 2023, 14:30 UTC."""

_SERIES = ExpirySeries(
    product=product_of("SPXW"),
    expiration=date(2023, 5, 26),
    expiry_ns=START_NS + 3 * DAY_NS,
    last_trade_ns=START_NS + 3 * DAY_NS,
)
LEGS = tuple(
    Leg(instrument=option_contract(_SERIES, strike, is_call=is_call), ratio=ratio)
    for strike, is_call, ratio in ((4090, False, 1), (4100, False, -1), (4250, True, -1), (4260, True, 1))
)
SHARE = Share(symbol="SPY")


def _fill(place: int, instrument: Instrument, quantity: int, price: str, ts_ns: int = START_NS) -> Fill:
    return Fill(
        fill_id=f"f{place}",
        order_id="o1",
        cause_id="d1",
        package_id="p1" if instrument != SHARE else "p2",
        strategy="condor" if instrument != SHARE else "hold",
        ts_event_ns=ts_ns,
        instrument=instrument,
        quantity=Decimal(quantity),
        price=Decimal(price),
        costs=(Cost(kind=CostKind.COMMISSION, amount=Decimal("0.65")),),
        liquidity=Liquidity.TAKER,
        simulated=True,
    )


def _ledger() -> tuple[LedgerEvent, ...]:
    deposit = CashMovement(event_id="c0", ts_event_ns=START_NS, kind=CashKind.DEPOSIT, amount=Decimal(100_000))
    fills = [
        _fill(i, leg.instrument, leg.ratio, price)
        for i, (leg, price) in enumerate(zip(LEGS, ("1.00", "1.60", "1.50", "0.90"), strict=True))
    ]
    ends = [
        Settlement(
            event_id=f"s{i}",
            ts_event_ns=START_NS + 3 * DAY_NS,
            kind=SettlementKind.WORTHLESS,
            instrument=leg.instrument,
            quantity=Decimal(leg.ratio),
            price=Decimal(0),
            settlement_price=Decimal("4205.45"),
            package_id="p1",
            strategy="condor",
        )
        for i, leg in enumerate(LEGS)
    ]
    return (deposit, *fills, _fill(9, SHARE, 10, "415.20", START_NS + DAY_NS), *ends)


def _decision() -> DecisionRecord:
    wish = Proposal(
        structure="iron_condor",
        legs=LEGS,
        quantity=Decimal(1),
        limit_price=Decimal("-1.20"),
        effect=PositionEffect.OPEN,
        reason="entry",
    )
    decision = Decision(
        reason="entry",
        proposals=(wish,),
        gates=(Gate(name="vix_below", passed=True, value=18.5, bound=30.0), Gate(name="trend", passed=True)),
        sizing=(
            SizingTerm(name="risk_budget", quantity=1.0, is_binding=True),
            SizingTerm(name="buying_power", quantity=98.0, is_binding=False),
        ),
        factors=(("vix", 18.5), ("skew", float("nan"))),
    )
    inputs = (("chain SPX", "chain-17"),)
    return DecisionRecord(decision_id="d1", ts_event_ns=START_NS, strategy="condor", inputs=inputs, decision=decision)


def _order() -> Order:
    intent = OrderIntent(
        intent_id="i1",
        cause_id="d1",
        ts_event_ns=START_NS,
        strategy="condor",
        package_id="p1",
        legs=LEGS,
        quantity=Decimal(1),
        limit_price=Decimal("-1.20"),
        effect=PositionEffect.OPEN,
        time_in_force=TimeInForce.DAY,
        reason="entry",
    )
    filled = tuple(Decimal(leg.ratio) for leg in LEGS)
    ids = frozenset({"f0", "f1", "f2", "f3"})
    return Order(order_id="o1", intent=intent, status=OrderStatus.FILLED, filled=filled, fill_ids=ids)


def _trade() -> Trade:
    return Trade(
        package_id="p1",
        strategy="condor",
        structure="iron_condor",
        legs=LEGS,
        quantity=Decimal(1),
        opened_ns=START_NS,
        closed_ns=START_NS + 3 * DAY_NS,
        entry_price=-1.2,
        exit_price=0.0,
        gross_pnl=Decimal("120.00"),
        costs=Decimal("2.60"),
        net_pnl=Decimal("117.40"),
        exit_reason="expired",
        best_pnl=117.4,
        worst_pnl=-64.0,
        factors={"vix": 18.5, "skew": float("nan")},
        entry_context={"spot": 4186.5},
        exit_context={"spot": 4205.45},
        flags=frozenset({"marked_from_model"}),
    )


def description(*, simulated: bool = True) -> RunDescription:
    """Return what the run was."""
    origin = Provenance(source="simulated-market", origin="calm", simulated=simulated, as_of_source=AsOfSource.STAMPED)
    source = DataSource(
        name="SPX chains",
        provenance=origin,
        digest="ab" * 32,
        rows=20_000,
        first_ns=START_NS,
        last_ns=START_NS + 5 * DAY_NS,
    )
    return RunDescription(
        name="condor",
        config_digest="cd" * 32,
        code_version="0.1.0",
        seed=7,
        fill_model="cross the spread",
        slippage_model="none",
        cost_model="retail 0.65 per contract",
        sources=(source,),
        simulated=simulated,
        n_trials=3,
        currency="USD",
        periods_per_year=252,
    )


def _curve(ts_ns: Int64Array) -> AccountCurve:
    n = ts_ns.size
    realised = np.array([0.0, 0.0, 0.0, 120.0, 120.0, 120.0])
    unrealised = np.array([-20.0, 40.0, -64.0, 12.0, -30.0, 25.0])
    costs = np.array([2.6, 3.25, 3.25, 3.25, 3.25, 3.25])
    equity = 100_000.0 + realised + unrealised - costs
    return AccountCurve(
        ts_ns=ts_ns,
        equity=equity,
        cash=equity - unrealised,
        realised=realised,
        unrealised=unrealised,
        costs=costs,
        income=np.zeros(n),
        deposits=np.full(n, 100_000.0),
        margin=np.array([1_000.0, 1_000.0, 1_000.0, np.nan, 0.0, 0.0]),
    )


def _greeks(ts_ns: Int64Array) -> GreeksPath:
    zero = np.zeros(ts_ns.size)
    return GreeksPath(
        ts_ns=ts_ns,
        spot=np.linspace(4186.5, 4205.45, ts_ns.size),
        delta_usd=np.array([0.0, 20.0, -60.0, 40.0, 0.0, 0.0]),
        gamma_usd=np.array([0.0, -12.0, -30.0, -20.0, 0.0, 0.0]),
        vega_usd=np.array([0.0, 8.0, -25.0, 10.0, 0.0, 0.0]),
        theta_usd=np.array([0.0, 40.0, 45.0, 60.0, 0.0, 0.0]),
        vanna_usd=zero,
        volga_usd=zero,
        charm_usd=zero,
        rho_usd=zero,
        total_usd=np.array([0.0, 60.0, -84.0, 124.0, 0.0, 0.0]),
        residual_usd=np.array([0.0, 4.0, -14.0, 34.0, 0.0, 0.0]),
    )


def _held() -> HeldPackage:
    return HeldPackage(
        package_id="p2",
        strategy="hold",
        structure="long",
        legs=(Leg(instrument=SHARE, ratio=1),),
        quantity=Decimal(10),
        opened_ns=START_NS + DAY_NS,
        entry_price=415.2,
        is_whole=True,
    )


def sample_run(*, simulated: bool = True, stopped: str = "") -> RunResult:
    """Return a run of six days."""
    ts_ns = START_NS + DAY_NS * np.arange(6, dtype=np.int64)
    greeks, ledger = _greeks(ts_ns), _ledger()
    return RunResult(
        description=description(simulated=simulated),
        curve=_curve(ts_ns),
        benchmark=np.linspace(100_000.0, 100_450.0, ts_ns.size),
        greeks=greeks,
        decisions=(_decision(),),
        orders=(_order(),),
        fills=tuple(event for event in ledger if isinstance(event, Fill)),
        trades=(_trade(),),
        open_packages=(_held(),),
        ledger=ledger,
        ledger_digest="ef" * 32,
        funnel={"condor": {"vix_below": (40, 12), "trend": (12, 1)}},
        n_views=40,
        view_ns=START_NS + 3_600_000_000_000 * np.arange(40, dtype=np.int64),
        regimes={"market": ((START_NS, "CALM"), (START_NS + 2 * DAY_NS, "STRESSED"))},
        counts={"marks_carried": 4},
        stopped=stopped,
        fill_quotes=tuple(_fill_quote(event) for event in ledger if isinstance(event, Fill)),
        package_greeks={"p1": _head(greeks, 4), "p2": _head(greeks, 2)},
        margin_calls=(MarginCall(called_ns=START_NS, deadline_ns=START_NS, equity=90_000.0, required=inf),),
    )


def _fill_quote(fill: Fill) -> FillQuote:
    price = float(fill.price)
    return FillQuote(
        fill_id=fill.fill_id,
        decided_ns=fill.ts_event_ns - 100_000_000,
        decided_bid=price - 0.05,
        decided_ask=price + 0.05,
        bid=price - 0.10,
        ask=float("nan"),
    )


def _head(path: GreeksPath, count: int) -> GreeksPath:
    return GreeksPath(**{field.name: getattr(path, field.name)[:count] for field in fields(GreeksPath)})


def named(result: RunResult, name: str) -> RunResult:
    """Return the run under another name."""
    return replace(result, description=replace(result.description, name=name))
