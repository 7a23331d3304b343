"""The compiled path of an evaluation: crossings of averages over bars of one instrument, where no limit can bind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from decimal import Decimal
from typing import Any, Final, final

from backtest.compiled.bar_ticks import bar_ticks
from backtest.compiled.crossing_accounts import CrossingAccounts, CrossingBook, CrossingTerms
from backtest.costs.charges import FlatCommission, MakerTakerCommission
from backtest.costs.model import CostModel
from backtest.fills.spreads import FixedSpread
from backtest.history import History
from cluster.backtest_models import cost_model, spread_model
from cluster.backtest_settings import BacktestSettings, LimitSettings
from cluster.margin_settings import MarginSettings
from cluster.risk_settings import RiskSettings
from market.errors import TradingError
from market.tradables import Perpetual
from market.trades import UNDERLYING
from strategies.moving_average import MovingAverageCross
from tuning.work import Block, BlockOutcome

__all__ = ["CompiledBlocks"]

_BPS: Final = Decimal("0.0001")
_WIDEST_COLLAR: Final = 0.1  # of the gate's own collar by default: within it a limit is never denied
_USUAL: Final = {
    "limits": LimitSettings.model_validate({}),
    "risk": RiskSettings.model_validate({}),
    "margin": MarginSettings.model_validate({}),
    "portfolio": None,
}


@final
class CompiledBlocks:
    """Accounts of many points on a block in one call, to the cent what the engine gives.

    Parameters
    ----------
    base : BacktestSettings
        What is varied.
    history : History
        Data.
    blocks : sequence of Block
        By index.
    calendar : str
        Of the daily returns.
    """

    def __init__(self, base: BacktestSettings, history: History, blocks: Sequence[Block], calendar: str) -> None:
        self._history, self._blocks = history, tuple(blocks)
        self._book: CrossingBook | None = None
        self.reason = self._opened(base, calendar)
        """Why every point goes to the engine; empty where points may be run here."""

    def _opened(self, base: BacktestSettings, calendar: str) -> str:
        history = self._history
        if [each.kind for each in base.strategies] != ["moving_average"]:
            return "only moving_average alone is compiled"
        beside = [item.name for item in fields(History) if item.name not in _ALLOWED and getattr(history, item.name)]
        if beside or len(history.bars) != 1 or (history.bars[0].contract != UNDERLYING).any():
            return "the data hold more than the bars of one instrument"
        try:
            strategy = self._strategy(base)
            book = CrossingBook(bar_ticks(history.bars[0], strategy.instrument.tick_at(Decimal(1))), calendar)
        except TradingError as error:
            return str(error)
        if not isinstance(strategy.instrument, Perpetual):
            return "only perpetuals are compiled: shares have sessions, margin calls and borrow fees"
        self._book = book
        return self._unfit(base)

    def _strategy(self, settings: BacktestSettings) -> MovingAverageCross:
        found: Any = settings.strategies[0].build(self._history.instruments)  # type: ignore[arg-type]  # checked after
        return found  # type: ignore[no-any-return]  # of this kind by its name

    def _unfit(self, settings: BacktestSettings) -> str:
        """Return what of some settings is not compiled; empty where all is."""
        one, fills, costs = settings.strategies[0], settings.fills, settings.costs
        checks = {
            "the strategy is asked at fixed times, or has a part of the money": one.at or one.weight not in {None, 1.0},
            "[fills] is not model = cross, slippage = none, latency_ms = 0": (
                fills.model != "cross" or fills.slippage != "none" or fills.latency_ms
            ),
            "[fills] prints is no fixed spread": not isinstance(spread_model(fills.prints), FixedSpread),
            "cash earns interest": costs.interest is not None,
            "[costs] model has charges that are not compiled": not _is_linear(cost_model(costs.model)),
        }
        checks |= {f"[{name}] is not as usual": getattr(settings, name) != usual for name, usual in _USUAL.items()}
        return next((reason for reason, holds in checks.items() if holds), "")

    def terms(self, settings: BacktestSettings) -> CrossingTerms | None:
        """Return what the settings of a point ask for; None where the engine must run them."""
        if self.reason or self._unfit(settings):
            return None
        cross = self._strategy(settings)
        instrument, tick = cross.instrument, cross.instrument.tick_at(Decimal(1))
        half = Decimal(repr(float(spread_model(settings.fills.prints).half_spread(1.0, 0.0, 0.0)))) / tick
        fits = isinstance(instrument, Perpetual) and not cross.quantity % instrument.lot and half == int(half)
        fits = fits and instrument.symbol == self._history.bars[0].symbol
        fits = fits and instrument.currency == settings.account.currency and cross.collar < _WIDEST_COLLAR
        if not fits:
            return None
        rate, fee = _charged(cost_model(settings.costs.model))
        return CrossingTerms(
            fast=cross.fast,
            slow=cross.slow,
            allows_short=cross.allows_short,
            unit=float(tick * cross.quantity * instrument.multiplier),
            half_spread=int(half),
            rate=rate,
            fee=fee,
            cash=float(settings.account.cash),
            collar=cross.collar,
        )

    def run(self, terms: Sequence[CrossingTerms], block: Block) -> list[BlockOutcome | None]:
        """Return the outcome of each point on a block; None where a limit could bind, so that the engine must say."""
        if self._book is None:
            return [None] * len(terms)
        found = self._book.run(terms, block.first_ns, block.last_ns)
        return [None if found.is_bound[k] else _outcome(found, k, block) for k in range(len(terms))]


_ALLOWED: Final = frozenset({"sources", "instruments", "bars", "events"})


def _is_linear(model: CostModel) -> bool:
    return all(type(charge) in {FlatCommission, MakerTakerCommission} for charge in model.charges)


def _charged(model: CostModel) -> tuple[float, float]:
    """Return the charge for the traded value, a fraction, and that for each order."""
    flat = sum((each.amount for each in model.charges if isinstance(each, FlatCommission)), Decimal(0))
    taker = sum((each.taker_bps for each in model.charges if isinstance(each, MakerTakerCommission)), Decimal(0))
    return float(taker * _BPS), float(flat)


def _outcome(found: CrossingAccounts, k: int, block: Block) -> BlockOutcome:
    names = ("n_trades", "n_orders", "turnover", "costs", "open_at_end")
    return BlockOutcome(
        block=block.index,
        end_ns=found.end_ns,
        returns=found.returns[k],
        measures={name: float(getattr(found, name)[k]) for name in names},
    )
