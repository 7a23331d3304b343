"""Runs points of a space on blocks of days, each from a fresh account: compiled where it can be, else by events."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol, final

import numpy as np

from backtest.compiled.crossing_accounts import CrossingTerms
from backtest.history import History
from backtest.metrics.days import calendar_of
from cluster.backtest_settings import BacktestSettings
from cluster.backtests.wiring import periods_per_year
from market.errors import ConfigError
from strategies.market_state import FieldSource
from tuning.evaluation.compiled import CompiledBlocks
from tuning.evaluation.event_runs import EventRuns
from tuning.work import Block, BlockOutcome, Item, ItemOutcome, Point

__all__ = ["Evaluator", "PointSettings"]

_UNCHANGED: Final = ("data", "run")
_NEAR: Final = 1e-10  # of a daily return: a hundredth of a cent in a million
_Known = Mapping[tuple[int, int], BlockOutcome]


class PointSettings(Protocol):
    """A space, as far as an evaluation knows it."""

    def settings_at(self, point: Point, base: BacktestSettings) -> BacktestSettings:
        """Return the settings at a point; `ConfigError` where the classes refuse them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """An item with its settings, and what the compiled run takes of them; a reason where the point is refused."""

    item: Item
    settings: BacktestSettings | None = None
    terms: CrossingTerms | None = None
    refused: str = ""


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
        Where fields of chains come from; by default as the base says, in the cache that all processes of a node share.
    """

    def __init__(
        self,
        base: BacktestSettings,
        space: PointSettings,
        history: History,
        blocks: Sequence[Block],
        fields: FieldSource | None = None,
    ) -> None:
        self._base, self._space, self._blocks = base, space, tuple(blocks)
        self._events = EventRuns(base, history, fields)
        self._compiled = CompiledBlocks(base, history, self._blocks, calendar_of(periods_per_year(base)))

    @property
    def path(self) -> str:
        """How points are run: compiled, or by the engine and why."""
        if self._by_engine:
            return f"engine: {self._by_engine}"
        return "compiled: the bars of one instrument in machine code, to the cent what the engine gives"

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
        return self.run_many((item,))[0]

    def run_many(self, items: Sequence[Item]) -> tuple[ItemOutcome, ...]:
        """Run items; points that are compiled go through a block together.

        Parameters
        ----------
        items : sequence of Item
            Points and blocks; numbers differ.

        Returns
        -------
        tuple of ItemOutcome
            In order, each as `run` gives it.
        """
        began = time.perf_counter()
        asked = [self._asked(item) for item in items]
        known = self._compiled_outcomes(asked)
        shared = (time.perf_counter() - began) / max(1, len(items))
        return tuple(self._finished(each, known, shared) for each in asked)

    def _asked(self, item: Item) -> _Asked:
        try:
            settings = self._space.settings_at(item.point, self._base)
            self._require_shared(settings)
            terms = None if self._by_engine else self._compiled.terms(settings)
        except ConfigError as error:
            return _Asked(item=item, refused=str(error))
        return _Asked(item=item, settings=settings, terms=terms)

    def _require_shared(self, settings: BacktestSettings) -> None:
        changed = [name for name in _UNCHANGED if getattr(settings, name) != getattr(self._base, name)]
        if changed:
            raise ConfigError(
                "a point changes what all trials share",
                found=", ".join(f"[{name}]" for name in changed),
                expected="the data and dates of the base",
                action="leave them out of [space], and make a sweep for each",
            )

    def _compiled_outcomes(self, asked: Sequence[_Asked]) -> _Known:
        """Return the outcomes of points that are compiled, by number of the item and index of the block."""
        by_block: dict[int, list[tuple[int, CrossingTerms]]] = {}
        for each in asked:
            if each.terms is not None:
                for index in each.item.blocks:
                    by_block.setdefault(index, []).append((each.item.number, each.terms))
        found: dict[tuple[int, int], BlockOutcome] = {}
        for index, points in by_block.items():
            outcomes = self._compiled.run([terms for _, terms in points], self._blocks[index])
            told = zip(points, outcomes, strict=True)
            found |= {(number, index): outcome for (number, _), outcome in told if outcome is not None}
        return found

    def _finished(self, asked: _Asked, known: _Known, shared_s: float) -> ItemOutcome:
        began, item, settings = time.perf_counter(), asked.item, asked.settings
        refused, found = asked.refused, {index: known.get((item.number, index)) for index in item.blocks}
        if settings is not None and None in found.values():
            try:
                run = self._events.begin(settings)
                found = {index: each or run(self._blocks[index]) for index, each in found.items()}
            except ConfigError as error:
                refused = str(error)
        return ItemOutcome(
            number=item.number,
            blocks=() if refused else tuple(each for each in found.values() if each is not None),
            refused=refused,
            seconds=shared_s + time.perf_counter() - began,
        )

    @cached_property
    def _by_engine(self) -> str:
        """Why points are run by events; empty where the compiled run of the base gives what the engine gives."""
        if self._compiled.reason:
            return self._compiled.reason
        block = min(self._blocks, key=lambda each: each.n_days)
        try:
            terms = self._compiled.terms(self._base)
            found = None if terms is None else self._compiled.run([terms], block)[0]
            wanted = self._events.begin(self._base)(block)
        except ConfigError as error:
            return str(error)
        if found is None:
            return "the base is not compiled, or a limit could bind"
        same = found.end_ns.shape == wanted.end_ns.shape and not wanted.stopped
        same = same and np.allclose(found.returns, wanted.returns, rtol=0.0, atol=_NEAR)
        same = same and found.measures["n_orders"] == wanted.measures["n_orders"]
        return "" if same else "the compiled run of the base does not give what the engine gives"
