"""A sweep from its configuration to what can begin: everything that cannot be is refused before a worker starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from backtest.config import EngineConfig
from backtest.history import History
from cluster.backtest_settings import BacktestSettings
from cluster.backtests.origins import code_version, config_digest
from cluster.backtests.reading import text_of
from cluster.backtests.wiring import engine_config, history_of, periods_per_year, strategies_of
from cluster.histories.shared import shared_history
from cluster.trials import data_set_of
from market.errors import DataError
from tuning.configuration.reading import base_folder, base_settings, place_in, sweep_settings
from tuning.configuration.settings import SweepSettings
from tuning.evaluation.blocks import blocks_of
from tuning.search.planner import Planner
from tuning.search.windows import outer_splits
from tuning.space.checking import check_space
from tuning.space.declaring import space_of
from tuning.space.space import Space
from tuning.studies.answer import Provenance
from tuning.studies.choice import chooser
from tuning.studies.resuming import StudyIdentity, identity_of
from tuning.studies.winner import Folders
from tuning.work import Block, OuterSplit

__all__ = ["PreparedSweep", "prepare_sweep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedSweep:
    """A sweep that can begin.

    Parameters
    ----------
    text : str
        Its configuration as it was written.
    settings : SweepSettings
        The same, checked.
    base : BacktestSettings
        What it varies.
    base_text : str
        The same as TOML.
    folders : Folders
        Where the base looks for files.
    assumptions : str
        How orders are filled, and on what data.
    history : History
        Data, as workers share them.
    space : Space
        Where points lie.
    blocks : tuple of Block
        Days, cut.
    splits : tuple of OuterSplit
        Blocks that lead to a choice, and those that judge it.
    note : str
        What the user should know before it runs: the share of the space that the classes refuse, and that a space of
        assumptions cannot be accepted; empty for none.
    """

    text: str
    settings: SweepSettings
    base: BacktestSettings
    base_text: str
    folders: Folders
    assumptions: str
    history: History
    space: Space
    blocks: tuple[Block, ...]
    splits: tuple[OuterSplit, ...]
    note: str

    @property
    def identity(self) -> StudyIdentity:
        """What the study is told from others by."""
        return identity_of(self.settings, self.base, self.space, data_set_of(self.history.sources).digest)

    @property
    def name(self) -> str:
        """Name of the study as it is configured."""
        return self.settings.sweep.name

    @property
    def periods_per_year(self) -> int:
        """Days a year of annual figures."""
        return periods_per_year(self.base)

    def planner(self) -> Planner:
        """Return the plan, at its beginning."""
        told = self.settings
        return Planner(
            told,
            self.space,
            self.blocks,
            self.splits,
            periods_per_year=self.periods_per_year,
            choose=chooser(self.space, told.sweep.objectives, told.selection),
        )

    def provenance(self, study: str) -> Provenance:
        """Return what the study stands on, under the name that it was given."""
        told = self.settings
        return Provenance(
            study=study,
            code_version=code_version(),
            base_digest=config_digest(self.base),
            sources=self.history.sources,
            simulated=self.history.simulated,
            periods_per_year=self.periods_per_year,
            seed=told.sweep.seed,
            sampler=told.sweep.sampler,
            scheme=told.validation.scheme,
            assumptions=self.assumptions,
        )


def prepare_sweep(config: Path, data: Path | None = None, say: Callable[[str], None] = lambda _: None) -> PreparedSweep:
    """Check the configuration of a sweep and read its data.

    Parameters
    ----------
    config : pathlib.Path
        Configuration, TOML.
    data : pathlib.Path, optional
        Folder that relative paths of data are looked for in; else that of the base.
    say : callable, optional
        Told what takes a while.

    Returns
    -------
    PreparedSweep
        Nothing has been written yet.

    Raises
    ------
    ConfigError, DataError
        What cannot be, before anything runs.
    """
    text, folder = text_of(config), config.parent
    settings = sweep_settings(text, str(config), folder)
    base, base_text = base_settings(settings, folder)
    space = space_of(settings.space, base, place_in(text, str(config)))
    splits = outer_splits(settings.validation)
    say("checking the space")
    checked = check_space(space, base)
    strategies_in = base_folder(settings, folder)
    folders = Folders(data=data or strategies_in, strategies=strategies_in)
    say("reading data")
    history = history_of(base, folders.data)
    if not history.sources:
        raise DataError("the sweep has no data", found="no source")
    prepared = PreparedSweep(
        text=text,
        settings=settings,
        base=base,
        base_text=base_text,
        folders=folders,
        assumptions=_assumptions(engine_config(base, strategies_of(base, history), history), history),
        history=shared_history(history),
        space=space,
        blocks=blocks_of(settings.validation, base, history),
        splits=splits,
        note=". ".join(filter(None, (checked.words, _of_assumptions(space)))),
    )
    prepared.planner()  # it refuses what a sampler cannot do
    return prepared


def _of_assumptions(space: Space) -> str:
    told = ", ".join(space.assumptions)
    return (
        f"{told}: no trader chooses that, so this sweep shows how much hangs on it and accepts nothing" if told else ""
    )


def _assumptions(config: EngineConfig, history: History) -> str:
    kind = "simulated" if history.simulated else "recorded"
    slippage = config.fills.slippage.name
    return f"Fills: {config.fill_model}. Slippage: {slippage}. Costs: {config.cost_model}. On {kind} data."
