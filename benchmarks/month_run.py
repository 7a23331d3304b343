"""A month of simulated minute chains with the field of each, made once and kept: the work is to trade it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Final

from adapters.simulated.catalogue import named_market
from adapters.store.blobs import BlobFolder
from backtest.config import EngineConfig
from backtest.engine import run_backtest
from backtest.field_cache import FieldCache
from backtest.history import History
from backtest.results import RunResult
from backtest.schedule import OnChains
from benchmarks.engine_runs import described
from cluster.histories.fields import field_cache
from cluster.histories.simulated import simulated_history
from cluster.histories.span import Span
from fields.config import FieldConfig
from strategies.decisions import HOLD, Decision
from strategies.views import View
from strategies.zero_dte_condor import ZeroDteCondor

__all__ = ["FOLDER", "month_fields", "month_history", "run_month"]

FOLDER: Final = Path.home() / ".cache" / "hedgefield" / "benchmarks"
_MONTH: Final = Span(first=date(2023, 6, 1), last=date(2023, 6, 30))
_MOST_BYTES: Final = 16 << 30
_SYMBOL: Final = "SIM.SPX"


@dataclass(frozen=True, slots=True, kw_only=True)
class _WithField:
    """A strategy that reads the field at every chain before it decides, as a signal would.

    Parameters
    ----------
    inner : ZeroDteCondor
        Decides.
    """

    inner: ZeroDteCondor

    @property
    def name(self) -> str:
        """That of the inner strategy."""
        return self.inner.name

    def decide(self, view: View) -> Decision:
        """Return what the inner strategy decides where a field is known."""
        return HOLD if view.field(_SYMBOL) is None else self.inner.decide(view)


def month_history(folder: Path = FOLDER) -> History:
    """Return 21 sessions of 390 chains of some 2,600 contracts; simulated where the folder does not have them."""
    market = named_market("calm", seed=3)
    market = replace(market, symbols=market.symbols[:1], step_s=60.0, chain_every=1)
    return simulated_history(market, _MONTH, BlobFolder(folder / "market", most_bytes=_MOST_BYTES))


def month_fields(folder: Path = FOLDER) -> FieldCache:
    """Return the cache of the month's fields."""
    return field_cache(FieldConfig(), folder / "fields", most_bytes=_MOST_BYTES)


def run_month(history: History, fields: FieldCache) -> RunResult:
    """Trade a condor a day on the minute, with the field of every chain at hand."""
    strategy = _WithField(inner=ZeroDteCondor(underlying=_SYMBOL, at=time(10, 0), close_before_end_s=600.0))
    config = EngineConfig(initial_cash=Decimal(1_000_000), triggers=(OnChains(),), with_greeks=False)
    return run_backtest(config, history, (strategy,), described("month", history.sources, 3), fields=fields)
