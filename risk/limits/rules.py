"""The bounds of the risk service as one frozen value, and the table of requirements 2.6 as a preset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import isfinite
from typing import Final

from market.errors import ConfigError
from risk.limits.account import (
    BreakerLimit,
    ConcentrationLimit,
    CooldownLimit,
    DailyLossLimit,
    DrawdownLimit,
    GreekLimit,
    RiskPerTradeLimit,
    SizeScheduleLimit,
    StrategyPackageLimit,
    VolatilityLimit,
)
from risk.limits.delivery import BrokerCutoffLimit, EarlyAssignmentLimit
from risk.limits.orders import Limit
from risk.limits.pretrade import PretradeLimits
from risk.limits.size_schedule import SizeSchedule
from risk.limits.tail import TAIL_FIGURES, StressLossLimit, TailLossLimit
from risk.state import BreakerClass
from risk.stress.scenarios import StressConfig
from risk.stress.value_at_risk import VarConfig

__all__ = ["HEDGEFIELD_LIMITS", "HEDGEFIELD_RULES", "BreakerRule", "RiskRules"]

_GREEKS: Final = (
    ("trade_delta", "delta", False),
    ("trade_vega", "vega_usd_per_volpt", False),
    ("book_delta", "delta", True),
    ("book_gamma", "gamma_shares_per_usd", True),
    ("book_vega", "vega_usd_per_volpt", True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRule:
    """When a breaker trips, and for how long.

    Parameters
    ----------
    at : float
        Count without a break, or level, from which it trips, > 0.
    minutes : float
        For how long nothing is opened then, > 0.

    Raises
    ------
    ConfigError
        A number is not finite and above 0.
    """

    at: float
    minutes: float

    def __post_init__(self) -> None:
        if not all(isfinite(each) and each > 0.0 for each in (self.at, self.minutes)):
            raise ConfigError("a breaker cannot be", found=f"{self.at} for {self.minutes} min", expected="numbers > 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskRules:
    """Bounds of the whole account; a bound of None has no row. Without any there is no further row.

    Parameters
    ----------
    risk_share : float or None
        Worst loss of one order, as a share of equity, 0 to 1.
    strategy_share, symbol_share : float or None
        Capital at risk of one strategy and of one underlying, as shares of equity, 0 to 1.
    strategy_packages : int or None
        Open packages of one strategy.
    trade_delta, book_delta : float or None
        Share equivalents of one order, and of the book with it.
    trade_vega, book_vega : float or None
        Account currency per vol point.
    book_gamma : float or None
        Shares per 1 of price.
    stress_share : float or None
        Worst loss of the book in the standard scenarios, as a share of equity, 0 to 1.
    stress : StressConfig
        Numbers of the scenarios.
    value_at_risk_share, expected_shortfall_share : float or None
        Tail of the book by past days, as shares of equity, 0 to 1.
    tail : VarConfig
        How the tail is measured.
    is_beta_weighted : bool
        Whether deltas are told in shares of `benchmark`.
    benchmark : str
        What betas refer to; without it a book on one underlying is its own.
    betas : mapping of str to float
        By underlying.
    daily_loss_share : float or None
        Loss of a session, as a share of the equity at its start, 0 to 1.
    daily_loss_amount : float or None
        The same in account currency; the smaller counts.
    drawdown_share : float or None
        Loss since the highest equity, as a share of it, 0 to 1.
    most_volatility : float or None
        Level of the volatility index above which nothing is opened, points.
    volatility_index : str
        Series that is read.
    schedule : SizeSchedule or None
        What of `risk_share` is left at a level of volatility.
    cooldown_minutes, loss_cooldown_minutes : float or None
        From a strategy's exit, and from an exit with a loss, until it may open again.
    breakers : mapping of BreakerClass to BreakerRule
        Which pause new orders. Losses, errors and days are counted in a row; volatility is a level, in points.
    broker_cutoff_minutes : float or None
        How long before the close a broker acts on what expires and cannot be settled.
    watches_dividends : bool
        Whether sold American calls are held against announced dividends.
    memory_s : float
        How long ids of intents are remembered, seconds, > 0.

    Raises
    ------
    ConfigError
        A bound lies outside its range.
    """

    risk_share: float | None = None
    strategy_share: float | None = None
    symbol_share: float | None = None
    strategy_packages: int | None = None
    trade_delta: float | None = None
    trade_vega: float | None = None
    book_delta: float | None = None
    book_gamma: float | None = None
    book_vega: float | None = None
    stress_share: float | None = None
    stress: StressConfig = field(default_factory=StressConfig)
    value_at_risk_share: float | None = None
    expected_shortfall_share: float | None = None
    tail: VarConfig = field(default_factory=VarConfig)
    is_beta_weighted: bool = False
    benchmark: str = ""
    betas: Mapping[str, float] = field(default_factory=dict)
    daily_loss_share: float | None = None
    daily_loss_amount: float | None = None
    drawdown_share: float | None = None
    most_volatility: float | None = None
    volatility_index: str = "VIX"
    schedule: SizeSchedule | None = None
    cooldown_minutes: float | None = None
    loss_cooldown_minutes: float | None = None
    breakers: Mapping[BreakerClass, BreakerRule] = field(default_factory=dict)
    broker_cutoff_minutes: float | None = None
    watches_dividends: bool = False
    memory_s: float = 86_400.0

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, int | float) and not (isfinite(value) and value >= 0.0):
                raise _broken(item.name, value, "a finite number >= 0")
            if item.name.endswith("_share") and value is not None and value > 1.0:
                raise _broken(item.name, value, "a share, 0 to 1")
        if not all(isfinite(beta) for beta in self.betas.values()):
            raise _broken("betas", self.betas, "finite numbers")
        if self.memory_s <= 0.0:
            raise _broken("memory_s", self.memory_s, "seconds > 0")
        if self.schedule is not None and self.schedule.index != self.volatility_index:
            raise _broken("schedule", self.schedule.index, f"steps of {self.volatility_index}")

    def first_rows(self) -> tuple[Limit, ...]:
        """Return the rows that stand before the trading state, so that a denial names what set it."""
        rows: list[Limit] = []
        if self.daily_loss_share is not None or self.daily_loss_amount is not None:
            rows.append(DailyLossLimit(share=self.daily_loss_share, amount=self.daily_loss_amount))
        if self.drawdown_share is not None:
            rows.append(DrawdownLimit(share=self.drawdown_share))
        rows += [BreakerLimit(breaker=each) for each in BreakerClass if each in self.breakers]
        return tuple(rows)

    def rows(self) -> tuple[Limit, ...]:
        """Return the other rows, in the order in which a denial names its binding row."""
        rows: list[Limit] = []
        if self.cooldown_minutes is not None or self.loss_cooldown_minutes is not None:
            minutes, after_loss = self.cooldown_minutes or 0.0, self.loss_cooldown_minutes or 0.0
            rows.append(CooldownLimit(minutes=minutes, after_loss_minutes=after_loss))
        if self.most_volatility is not None:
            rows.append(VolatilityLimit(most=self.most_volatility))
        if self.schedule is not None:
            rows.append(SizeScheduleLimit(schedule=self.schedule))
        if self.broker_cutoff_minutes is not None:
            rows.append(BrokerCutoffLimit(minutes=self.broker_cutoff_minutes))
        if self.watches_dividends:
            rows.append(EarlyAssignmentLimit())
        if self.strategy_packages is not None:
            rows.append(StrategyPackageLimit(most=self.strategy_packages))
        if self.risk_share is not None:
            rows.append(RiskPerTradeLimit(share=self.risk_share, schedule=self.schedule))
        for name, share in (("strategy_at_risk", self.strategy_share), ("symbol_at_risk", self.symbol_share)):
            if share is not None:
                rows.append(ConcentrationLimit(name=name, share=share))
        return (*rows, *self._greek_rows(), *self._tail_rows())

    def _greek_rows(self) -> list[Limit]:
        delta = "beta_delta_shares" if self.is_beta_weighted else "delta_shares"
        rows: list[Limit] = []
        for name, greek, is_of_book in _GREEKS:
            most = getattr(self, name)
            if most is not None:
                field_name = delta if greek == "delta" else greek
                rows.append(GreekLimit(name=name, greek=field_name, most=most, is_of_book=is_of_book))
        return rows

    def _tail_rows(self) -> list[Limit]:
        rows: list[Limit] = []
        if self.stress_share is not None:
            rows.append(StressLossLimit(share=self.stress_share, config=self.stress))
        for name in TAIL_FIGURES:
            share = getattr(self, f"{name}_share")
            if share is not None:
                rows.append(TailLossLimit(name=name, share=share, config=self.tail))
        return rows

    @property
    def revalues_book(self) -> bool:
        """Whether any row revalues the book with the order, which needs `risk.limits.facts.Stake.after`."""
        return bool(self._tail_rows())

    @property
    def reads_past_days(self) -> bool:
        """Whether any row needs past days of the market (`risk.limits.facts.Stake.moves`)."""
        return self.value_at_risk_share is not None or self.expected_shortfall_share is not None

    @property
    def has_greeks(self) -> bool:
        """Whether any row measures Greeks, which are dear to tell."""
        return bool(self._greek_rows())

    @property
    def is_empty(self) -> bool:
        """Whether there is no row."""
        return not (self.first_rows() or self.rows())


HEDGEFIELD_RULES: Final = RiskRules(
    risk_share=0.02,  # Z82
    strategy_share=0.10,  # Z84
    symbol_share=0.10,
    strategy_packages=2,  # Z of 2.6
    trade_delta=30.0,  # Q23
    trade_vega=100.0,  # Q24
    book_delta=200.0,  # Q25
    book_gamma=50.0,  # Q26
    book_vega=500.0,  # Q27
    daily_loss_share=0.02,  # Q28
    daily_loss_amount=500.0,  # Z83
    drawdown_share=0.10,  # H41
    most_volatility=25.0,  # Q16
    schedule=SizeSchedule(),  # Z53b, Z85
    cooldown_minutes=5.0,  # L39
    loss_cooldown_minutes=5.0,
    breakers={  # H51, Z86
        BreakerClass.CONSECUTIVE_LOSSES: BreakerRule(at=3, minutes=60.0),
        BreakerClass.DATA_ERRORS: BreakerRule(at=3, minutes=30.0),
        BreakerClass.VENUE_ERRORS: BreakerRule(at=3, minutes=120.0),
        BreakerClass.VOLATILITY: BreakerRule(at=35.0, minutes=1440.0),
        BreakerClass.LOSING_DAYS: BreakerRule(at=3, minutes=1440.0),
    },
    broker_cutoff_minutes=50.0,
    watches_dividends=True,
)
"""The table of requirements 2.6, where roadmaps differ the most restrictive.

Stress and tail have no row here, because the requirements tell no bound of theirs: an account says its own shares.
"""

HEDGEFIELD_LIMITS: Final = PretradeLimits(
    most_packages=3,  # L43, Q
    orders_per_second=10.0 / 60.0,  # H54
    order_burst=10.0,
    most_input_age_s=300.0,
    cutoff_minutes=30.0,  # L41
)
"""What of the same table is told of one order."""


def _broken(name: str, found: object, expected: str) -> ConfigError:
    return ConfigError(f"the risk rule {name} cannot be", found=str(found), expected=expected)
