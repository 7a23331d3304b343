"""What the desk's actor makes where it runs: the plan, and the ledger that its outcomes are kept in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adapters.sql.trial_messages import Trial
from backtest.history import History
from cluster.backtest_settings import BacktestSettings
from cluster.backtests.origins import config_digest
from cluster.trials import LedgerPlace, data_set_of
from market.clock import SystemClock
from market.errors import ConfigError
from tuning.evaluation.keys import evaluation_code, evaluation_keys
from tuning.lanes.desk import Desk, DeskTerms
from tuning.lanes.preparing import PreparedSweep
from tuning.search.records import ChoiceRecord, PartRecord
from tuning.space.space import Space
from tuning.studies.keeping import Identity, KeepingCounts, KeptOutcomes
from tuning.work import Block, Point

__all__ = ["DeskMaker", "PlanRecords"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRecords:
    """What is read out of a plan.

    Parameters
    ----------
    parts : tuple of PartRecord
        Searches; the last one is over all blocks.
    choices : tuple of ChoiceRecord
        Those that are judged so far.
    counts : KeepingCounts
        What was found in the ledger, and kept.
    """

    parts: tuple[PartRecord, ...]
    choices: tuple[ChoiceRecord, ...]
    counts: KeepingCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskMaker:
    """Makes the desk of a sweep.

    Parameters
    ----------
    prepared : PreparedSweep
        The sweep, without the data themselves: only what they are known by.
    terms : DeskTerms
        How work is handed out.
    trial : Trial
        What all trials have in common.
    ledger : LedgerPlace
        Where trials are counted and outcomes are kept; the actor may not have the driver's environment.
    """

    prepared: PreparedSweep
    terms: DeskTerms
    trial: Trial
    ledger: LedgerPlace

    def __call__(self, clock_s: Callable[[], float]) -> tuple[Desk, Callable[[bool], PlanRecords]]:
        """Return the desk and what reads its plan out.

        Parameters
        ----------
        clock_s : callable
            Seconds that only rise.

        Returns
        -------
        desk : Desk
            At the beginning of the plan.
        read_out : callable
            From whether the sweep is over to the records; the ledger then learns what came of each trial.
        """
        prepared = self.prepared
        planner = prepared.planner()
        kept = KeptOutcomes(
            self.ledger.opened(),
            data_set_of(prepared.history.sources),
            self.trial,
            _Identify(base=prepared.base, space=prepared.space, blocks=prepared.blocks, history=prepared.history),
            SystemClock(),
        )

        def read_out(is_over: bool) -> PlanRecords:  # noqa: FBT001  # it crosses to an actor
            parts = planner.parts
            if is_over:
                kept.conclude(parts)
            return PlanRecords(parts=parts, choices=planner.choices, counts=kept.counts)

        return Desk(planner, kept, self.terms, clock_s), read_out


class _Identify:
    """From a point to what it is told from all others by."""

    def __init__(self, *, base: BacktestSettings, space: Space, blocks: tuple[Block, ...], history: History) -> None:
        self._base, self._space, self._blocks, self._history = base, space, blocks, history
        self._code = evaluation_code()

    def __call__(self, point: Point) -> Identity | None:
        try:
            settings = self._space.settings_at(point, self._base)
        except ConfigError:
            return None
        keys = evaluation_keys(settings, self._blocks, self._history, self._code)
        return Identity(config_digest=config_digest(settings), keys=keys)
