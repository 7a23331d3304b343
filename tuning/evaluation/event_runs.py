"""Runs of the engine on blocks of days, as cheap as they can be: what trials have in common is made once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import final

from backtest.chain_feed import ViewMemory
from backtest.engine import run_backtest
from backtest.history import History
from backtest.interpreting import ReadingsMemory
from backtest.metrics.days import calendar_of
from backtest.results import RunDescription
from cluster.backtest_settings import BacktestSettings
from cluster.backtests.wiring import engine_config, periods_per_year, shared_fields, strategies_of
from market.errors import TradingError
from strategies.market_state import FieldSource
from tuning.evaluation.outcomes import block_outcome, stopped_outcome
from tuning.work import Block, BlockOutcome

__all__ = ["EventRuns"]


@final
class EventRuns:
    """Runs settings by events.

    Parameters
    ----------
    base : BacktestSettings
        What the settings vary; its fields are opened once.
    history : History
        Data.
    fields : FieldSource, optional
        Where fields of chains come from; by default as the base says, in the cache that all processes of a node share.
    """

    def __init__(self, base: BacktestSettings, history: History, fields: FieldSource | None = None) -> None:
        self._base, self._history = base, history
        self._fields = shared_fields(base) if fields is None else fields
        self._views, self._readings = ViewMemory(), ReadingsMemory()
        self._description = _description(base)
        self._calendar = calendar_of(self._description.periods_per_year)

    def begin(self, settings: BacktestSettings) -> Callable[[Block], BlockOutcome]:
        """Return what runs settings on a block.

        Parameters
        ----------
        settings : BacktestSettings
            At a point.

        Returns
        -------
        callable
            From a block to its outcome, also where the run stops or a strategy raises.

        Raises
        ------
        ConfigError
            No account can be run with them.
        """
        strategies = strategies_of(settings, self._history)
        config = engine_config(settings, strategies, self._history)
        # What a report alone would read is left out; it changes no booking.
        config = replace(config, with_greeks=False, benchmark="")
        is_shared = settings.readings == self._base.readings
        fields = self._fields if is_shared else shared_fields(settings)
        readings = self._readings if is_shared else ReadingsMemory()

        def run(block: Block) -> BlockOutcome:
            within = replace(config, start_ns=block.first_ns, end_ns=block.last_ns)
            try:
                result = run_backtest(
                    within,
                    self._history,
                    strategies,
                    self._description,
                    fields=fields,
                    views=self._views,
                    readings=readings,
                )
                return block_outcome(result, block, self._calendar)
            except MemoryError:
                raise  # it is of the worker, not of the point
            except TradingError as error:
                return stopped_outcome(block, str(error))
            except Exception as error:  # noqa: BLE001  # a strategy may be anybody's
                return stopped_outcome(block, f"{type(error).__name__}: {error}")

        return run


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
