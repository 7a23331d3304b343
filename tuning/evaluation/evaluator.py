"""Runs a point of the space on blocks of days, each from a fresh account."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol, final

from backtest.chain_feed import ViewMemory
from backtest.config import EngineConfig
from backtest.engine import run_backtest
from backtest.history import History
from backtest.metrics.days import calendar_of
from backtest.results import RunDescription
from cluster.backtest_settings import BacktestSettings
from cluster.backtests.wiring import engine_config, periods_per_year, shared_fields, strategies_of
from market.errors import ConfigError, TradingError
from strategies.market_state import FieldSource
from strategies.views import Strategy
from tuning.evaluation.outcomes import block_outcome, stopped_outcome
from tuning.work import Block, BlockOutcome, Item, ItemOutcome, Point

__all__ = ["Evaluator", "PointSettings"]

_UNCHANGED: Final = ("data", "run")


class PointSettings(Protocol):
    """A space, as far as an evaluation knows it."""

    def settings_at(self, point: Point, base: BacktestSettings) -> BacktestSettings:
        """Return the settings at a point; `ConfigError` where the classes refuse them."""


@final
class Evaluator:
    """Runs items; one for each worker.

    Parameters
    ----------
    base : BacktestSettings
        What the space varies.
    space : PointSettings
        From a point to settings.
    history : History
        Data of the base; no point may change them.
    blocks : sequence of Block
        All blocks of the sweep, in order of their index.
    fields : FieldSource, optional
        Where fields of chains come from; those of the base by default, which all processes of a node share on disk.
    """

    def __init__(
        self,
        base: BacktestSettings,
        space: PointSettings,
        history: History,
        blocks: Sequence[Block],
        fields: FieldSource | None = None,
    ) -> None:
        self._base, self._space, self._history, self._blocks = base, space, history, tuple(blocks)
        self._fields = shared_fields(base) if fields is None else fields
        self._views = ViewMemory()
        self._description = _description(base)
        self._calendar = calendar_of(self._description.periods_per_year)

    def run(self, item: Item) -> ItemOutcome:
        """Run a point on the blocks of an item.

        Parameters
        ----------
        item : Item
            Point and blocks.

        Returns
        -------
        ItemOutcome
            Also where the classes refuse the point, where a run stops, and where a strategy raises: nothing of these
            ends a sweep.
        """
        began = time.perf_counter()
        try:
            settings = self._settings(item.point)
            strategies = strategies_of(settings, self._history)
            config = engine_config(settings, strategies, self._history)
        except ConfigError as error:
            return ItemOutcome(number=item.number, blocks=(), refused=str(error), seconds=time.perf_counter() - began)
        fields = self._fields if settings.readings == self._base.readings else shared_fields(settings)
        outcomes = tuple(self._block(self._blocks[index], config, strategies, fields) for index in item.blocks)
        return ItemOutcome(number=item.number, blocks=outcomes, seconds=time.perf_counter() - began)

    def _settings(self, point: Point) -> BacktestSettings:
        settings = self._space.settings_at(point, self._base)
        changed = [name for name in _UNCHANGED if getattr(settings, name) != getattr(self._base, name)]
        if changed:
            raise ConfigError(
                "a point changes what all trials share",
                found=", ".join(f"[{name}]" for name in changed),
                expected="the data and dates of the base",
                action="leave them out of [space], and make a sweep for each",
            )
        return settings

    def _block(
        self, block: Block, config: EngineConfig, strategies: Sequence[Strategy], fields: FieldSource
    ) -> BlockOutcome:
        within = replace(config, start_ns=block.first_ns, end_ns=block.last_ns, with_greeks=False, benchmark="")
        try:
            result = run_backtest(
                within, self._history, strategies, self._description, fields=fields, views=self._views
            )
            return block_outcome(result, block, self._calendar)
        except MemoryError:
            raise  # it is of the worker, not of the point
        except TradingError as error:
            return stopped_outcome(block, str(error))
        except Exception as error:  # noqa: BLE001  # a strategy may be anybody's
            return stopped_outcome(block, f"{type(error).__name__}: {error}")


def _description(base: BacktestSettings) -> RunDescription:
    """Return what nobody reads of a trial: its outcome is known by its key."""
    return RunDescription(
        name=base.run.name,
        config_digest="",
        code_version="",
        seed=base.run.seed,
        fill_model="",
        slippage_model="",
        cost_model="",
        sources=(),
        simulated=False,
        n_trials=1,
        currency=base.account.currency,
        periods_per_year=periods_per_year(base),
    )
