"""What decides a run besides its data and its strategies: one frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from backtest.costs.carry import BorrowFees, CashInterest
from backtest.costs.model import CostModel
from backtest.fills.pricing import FillRules
from backtest.fills.spreads import FixedSpread, SpreadModel
from backtest.marking import MarkPolicy
from backtest.schedule import OnBars, OnChains, Trigger
from execution.legging_events import LeggingTerms
from execution.margin_call import MarginCallRules
from execution.settlement import SettlementRules
from fields.live.config import LiveConfig
from market.errors import ConfigError
from risk.limits.pretrade import PretradeLimits
from risk.limits.rules import RiskRules
from risk.margin.perpetual import PerpetualTerms
from risk.margin.reg_t import RegTRules
from strategies.allocation import AllocationConfig
from strategies.features import Feature

__all__ = ["EngineConfig"]

_MINUTE_NS: Final = 60_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """Settings of the engine.

    Parameters
    ----------
    initial_cash : Decimal
        Paid in before the first event, account currency, > 0.
    currency : str
        Account currency.
    start_ns, end_ns : int
        Strategies are asked and the account is recorded from, and up to, these instants, ns since the epoch, UTC; data
        before warm features up. 0 stands for the whole history.
    triggers : tuple of Trigger
        When strategies are asked.
    triggers_of : mapping of str to tuple of Trigger
        The same by name of the strategy, where it differs.
    latency_ns : int
        From a decision to the arrival of its orders, ns, >= 0.
    fills : FillRules
        Fill and slippage models, and the most legs of an order.
    legging : LeggingTerms
        Time-outs and leg risk of packages that go as linked orders.
    print_spread : SpreadModel
        Half spread around prints of symbols that have no quotes.
    mid_spread : SpreadModel or None
        Half spread around the mids of chains whose source has no bids and asks; None takes chains as they are quoted.
    marks : MarkPolicy
        Which price of a quote a position is worth.
    costs : CostModel
        Charges of fills.
    interest : CashInterest or None
        Interest on cash, credit and debit; None for none.
    borrow : BorrowFees or None
        Fees of borrowed shares; None for none.
    limits : PretradeLimits
        Bounds of the gate before the venue.
    risk : RiskRules
        Bounds of the whole account in the same gate; none by default.
    margin : RegTRules
        What shares and options require.
    perpetuals : mapping of str to PerpetualTerms
        What perpetuals and futures require, by symbol; their whole notional where they do not stand here. Perpetuals
        with terms are liquidated.
    leverage : Decimal or None
        None: perpetuals share the cash of the account. A number: each has collateral of its own at that leverage.
    margin_calls : MarginCallRules or None
        How the broker keeps watch over the maintenance of shares and options; None where nobody does.
    settlement : SettlementRules
        What decides at expiry.
    closing_window_ns, opening_window_ns : int
        How far before an expiry at the close its print may lie, and how far after one at the open, ns.
    calendars : mapping of str to str
        Exchange calendar by symbol, where the kind of instrument does not tell it.
    closing_quotes_ns : int
        How long after a close its last quotes may still be traded at, ns.
    features : tuple of Feature
        Numbers that strategies ask for by name.
    allocation : AllocationConfig or None
        How the money is shared between the strategies; None where it is not, or in fixed parts.
    days_end_in_utc : bool
        Whether the days of the strategies end at midnight of UTC, as of coins, and not of New York.
    readings : LiveConfig
        Regimes, signals with their calibrations, and what feeds their inputs, as of a live shard; its settings of
        fields and of order flow play no part.
    benchmark : str
        Symbol whose value with dividends stands beside the account; empty for none.
    with_greeks : bool
        Whether the Greeks of held options are recorded, and what each of them earned.
    """

    initial_cash: Decimal
    currency: str = "USD"
    start_ns: int = 0
    end_ns: int = 0
    triggers: tuple[Trigger, ...] = (OnBars(), OnChains())
    triggers_of: Mapping[str, tuple[Trigger, ...]] = field(default_factory=dict)
    latency_ns: int = 0
    fills: FillRules = field(default_factory=FillRules)
    legging: LeggingTerms = field(default_factory=lambda: LeggingTerms(budget=Decimal(500)))
    print_spread: SpreadModel = field(default_factory=FixedSpread)
    mid_spread: SpreadModel | None = None
    marks: MarkPolicy = MarkPolicy.MID
    costs: CostModel = field(default_factory=lambda: CostModel(name="no costs"))
    interest: CashInterest | None = None
    borrow: BorrowFees | None = None
    limits: PretradeLimits = field(default_factory=PretradeLimits)
    risk: RiskRules = field(default_factory=RiskRules)
    margin: RegTRules = field(default_factory=RegTRules)
    perpetuals: Mapping[str, PerpetualTerms] = field(default_factory=dict)
    leverage: Decimal | None = None
    margin_calls: MarginCallRules | None = field(default_factory=MarginCallRules)
    settlement: SettlementRules = field(default_factory=SettlementRules)
    closing_window_ns: int = _MINUTE_NS
    opening_window_ns: int = 30 * _MINUTE_NS
    calendars: Mapping[str, str] = field(default_factory=dict)
    closing_quotes_ns: int = 0
    features: tuple[Feature, ...] = ()
    allocation: AllocationConfig | None = None
    days_end_in_utc: bool = False
    readings: LiveConfig = field(default_factory=LiveConfig)
    benchmark: str = ""
    with_greeks: bool = True

    def __post_init__(self) -> None:
        if not (self.initial_cash.is_finite() and self.initial_cash > 0):
            raise _broken("initial_cash", str(self.initial_cash), "an amount above 0")
        for name in ("start_ns", "end_ns", "latency_ns", "closing_window_ns", "opening_window_ns", "closing_quotes_ns"):
            if getattr(self, name) < 0:
                raise _broken(name, str(getattr(self, name)), "0 or more ns")
        if self.end_ns and self.end_ns <= self.start_ns:
            raise _broken("end_ns", f"{self.end_ns} after a start at {self.start_ns}", "an end after the start")

    @property
    def fill_model(self) -> str:
        """What a report calls the way of filling: model, spreads around prints and mids, latency."""
        mids = f"; mids: {self.mid_spread.name}" if self.mid_spread else ""
        late = f"; latency {self.latency_ns / 1e6:g} ms"
        after = f"; until {self.closing_quotes_ns / 1e9:g} s after the close" if self.closing_quotes_ns else ""
        return f"{self.fills.model.name}; prints: {self.print_spread.name}{mids}{late}{after}"

    @property
    def cost_model(self) -> str:
        """What a report calls charges and carry."""
        interest = self.interest.name if self.interest else "no interest on cash"
        borrow = "borrow fees" if self.borrow else "no borrow fees"
        return f"{self.costs.name}; {interest}; {borrow}"


def _broken(name: str, found: str, expected: str) -> ConfigError:
    return ConfigError(f"the setting {name} of the engine cannot be", found=found, expected=expected)
