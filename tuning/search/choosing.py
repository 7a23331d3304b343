"""Choices of a sweep: from what each is made, and what it gives on blocks that it did not see."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

from market.errors import DataError
from tuning.search.known import Known
from tuning.search.part import Worth
from tuning.search.records import Candidates, ChoiceRecord, Choose, PartRecord, TrialRecord, TrialState
from tuning.search.windows import Window
from tuning.work import BlockOutcome, Item, Point

__all__ = ["Choices"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """A choice that was made, and the blocks that it is judged on."""

    split: int | None
    part: int
    number: int | None
    point: Point
    blocks: tuple[int, ...]


@final
class Choices:
    """Makes choices, and has them judged.

    Parameters
    ----------
    known : Known
        Outcomes by point and block.
    worth : Worth
        By what trials are judged.
    choose : Choose
        The rule.
    base : Point
        What stands where the rule chooses nothing.
    """

    def __init__(self, known: Known, worth: Worth, choose: Choose, base: Point) -> None:
        self._known, self._worth, self._choose, self._base = known, worth, choose, base
        self._chosen: dict[int | None, _Chosen] = {}

    def is_made(self, split: int | None) -> bool:
        """Return whether the choice of a split, or the final one, is made."""
        return split in self._chosen

    def is_judged(self, split: int | None) -> bool:
        """Return whether all blocks that a choice is judged on are known, or can never be."""
        chosen = self._chosen.get(split)
        if chosen is None:
            return False
        return bool(self._known.refusal(chosen.point)) or len(self._outcomes(chosen)) == len(chosen.blocks)

    def make(
        self,
        split: int | None,
        part: PartRecord,
        windows: tuple[Window, ...],
        blocks: tuple[int, ...],
        *,
        is_whole: bool,
    ) -> None:
        """Choose from the trials of a search that is over.

        Parameters
        ----------
        split : int or None
            Outer split; None for the final choice.
        part : PartRecord
            The search.
        windows : tuple of Window
            Days that may be seen.
        blocks : tuple of int
            Blocks that the choice is judged on.
        is_whole : bool
            Whether these are the days of the search; else its trials are scored anew on them.

        Raises
        ------
        DataError
            The rule chose a trial without a score.
        """
        trials = part.trials if is_whole else tuple(self._seen(trial, windows) for trial in part.trials)
        candidates = Candidates(split=split, train=tuple(window.block for window in windows), trials=trials)
        number = self._choose(candidates)
        point = self._base if number is None else _complete(candidates, number).point
        self._chosen[split] = _Chosen(split=split, part=part.index, number=number, point=point, blocks=blocks)

    def next_item(self) -> Item | None:
        """Return a choice on blocks that it was not run on yet; None where there is none."""
        for chosen in self._chosen.values():
            if not self._known.refusal(chosen.point):
                item = self._known.hand_out(chosen.point, chosen.blocks)
                if item is not None:
                    return item
        return None

    def record(self, split: int | None) -> ChoiceRecord:
        """Return a choice that is judged."""
        chosen = self._chosen[split]
        outcomes = self._outcomes(chosen)
        stopped = next((f"block {each.block} stopped: {each.stopped}" for each in outcomes if each.stopped), "")
        return ChoiceRecord(
            split=split,
            part=chosen.part,
            number=chosen.number,
            point=chosen.point,
            blocks=outcomes,
            reason=self._known.refusal(chosen.point) or stopped,
        )

    def _outcomes(self, chosen: _Chosen) -> tuple[BlockOutcome, ...]:
        return self._known.outcomes(chosen.point, chosen.blocks)

    def _seen(self, trial: TrialRecord, windows: tuple[Window, ...]) -> TrialRecord:
        """Return a trial as one sees it who knows these days alone, whatever became of it later."""
        if trial.state is TrialState.REFUSED:
            return trial
        outcomes = self._known.outcomes(trial.point, (window.block for window in windows))
        if len(outcomes) < len(windows):
            none = self._worth.none
            return replace(trial, blocks=outcomes, scores=none.scores, excesses=none.excesses, looks=())
        scored = self._worth.of(outcomes, windows)
        return replace(
            trial,
            state=TrialState.FAILED if scored.reason else TrialState.COMPLETE,
            blocks=outcomes,
            scores=scored.scores,
            excesses=scored.excesses,
            looks=(),
            pruned_at=None,
            reason=scored.reason,
        )


def _complete(candidates: Candidates, number: int) -> TrialRecord:
    found = candidates.trials[number] if 0 <= number < len(candidates.trials) else None
    if found is None or found.state is not TrialState.COMPLETE:
        raise DataError(
            "what was chosen is no complete trial",
            found=f"trial {number}, {found.state.value if found else 'which is none'}",
            expected=f"one with a score, of {len(candidates.trials)} trials",
        )
    return found
