"""The same run at dearer costs: spreads and fees doubled, orders one bar late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from math import isfinite

from backtest.audit.findings import AuditFinding, net_profit
from backtest.config import EngineConfig
from backtest.costs.charges import Charge, ChargedTrade
from backtest.costs.model import CostModel
from backtest.costs.rates import RateTable
from backtest.fills.spreads import SpreadModel
from backtest.results import RunResult
from market.chains import FloatArray
from market.fills import CostKind

__all__ = ["ScaledCharge", "ScaledSpread", "cost_stress", "stressed_configs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledSpread:
    """A multiple of another model's half spread.

    Parameters
    ----------
    model : SpreadModel
        What is multiplied.
    factor : float
        By how much, >= 0.
    """

    model: SpreadModel
    factor: float

    @property
    def name(self) -> str:
        """Factor and model."""
        return f"{self.factor:g} x {self.model.name}"

    def half_spread(
        self, price: FloatArray | float, span: FloatArray | float, left_ns: FloatArray | float
    ) -> FloatArray:
        """Return the model's half spreads, multiplied."""
        return self.factor * self.model.half_spread(price, span, left_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledCharge:
    """A multiple of another charge.

    Parameters
    ----------
    base : Charge
        What is multiplied.
    factor : Decimal
        By how much, >= 0.
    """

    base: Charge
    factor: Decimal

    @property
    def kind(self) -> CostKind:
        """Kind of the base."""
        return self.base.kind

    @property
    def name(self) -> str:
        """Factor and base."""
        return f"{self.factor} x {self.base.name}"

    @property
    def tables(self) -> tuple[RateTable, ...]:
        """Tables of the base."""
        return self.base.tables

    def charge(self, trade: ChargedTrade) -> Decimal:
        """Return the base's charge, multiplied."""
        return self.factor * self.base.charge(trade)


def stressed_configs(config: EngineConfig, *, bar_ns: int, factor: int = 2) -> Mapping[str, EngineConfig]:
    """Return the settings of the three stresses.

    Parameters
    ----------
    config : EngineConfig
        As the run has it.
    bar_ns : int
        Width of a bar, or distance of two chains, ns: what "one bar later" means.
    factor : int, optional
        What spreads and fees are multiplied by.

    Returns
    -------
    mapping of str to EngineConfig
        ``spread``, ``fees`` and ``late``. Of ``spread`` only the spreads that the engine models are wider: recorded
        ones are in the data, and `backtest.audit.rewrites.widened` widens them.
    """
    mids = ScaledSpread(model=config.mid_spread, factor=factor) if config.mid_spread is not None else None
    charges = tuple(ScaledCharge(base=each, factor=Decimal(factor)) for each in config.costs.charges)
    return {
        "spread": replace(config, print_spread=ScaledSpread(model=config.print_spread, factor=factor), mid_spread=mids),
        "fees": replace(config, costs=CostModel(name=f"{factor} x {config.costs.name}", charges=charges)),
        "late": replace(config, latency_ns=config.latency_ns + bar_ns),
    }


def cost_stress(baseline: RunResult, name: str, stressed: RunResult) -> AuditFinding:
    """Judge a run under dearer costs.

    Parameters
    ----------
    baseline : RunResult
        The run as it is.
    name : str
        Which stress.
    stressed : RunResult
        The run under it.

    Returns
    -------
    AuditFinding
        `value` is the net profit under stress, account currency. Failed where a profit turns into none: it was made of
        costs that were too low. A run that lost before has nothing to lose here, and passes nothing.
    """
    before, after = net_profit(baseline), net_profit(stressed)
    text = f"net profit {before:.2f} as run, {after:.2f} under stress"
    if stressed.stopped and not baseline.stopped:
        return AuditFinding(
            name=f"cost_stress_{name}",
            passed=False,
            value=after,
            bound=0.0,
            text=f"{text}; stopped: {stressed.stopped}",
        )
    is_asked = isfinite(before) and isfinite(after) and before > 0.0
    return AuditFinding(
        name=f"cost_stress_{name}", passed=after > 0.0 if is_asked else None, value=after, bound=0.0, text=text
    )
