"""Records of a small sweep for the tests of its mirror; as a program it writes them to a storage and tells how many."""

from __future__ import annotations

import sys

import numpy as np

from market.clock import SystemClock
from tuning.configuration.settings import ConstraintSettings, Objective
from tuning.search.records import PartRecord, TrialRecord, TrialState
from tuning.space.dimensions import Varied
from tuning.space.scales import Choice, Integer, Uniform
from tuning.space.space import Space
from tuning.studies.mirror import MirrorTerms, StudyMirror
from tuning.studies.resuming import StudyIdentity
from tuning.work import BlockOutcome, Point, Value

SPACE = Space(
    (
        Varied(name="a.width", targets=(("a", "width"),), scale=Uniform(low=0.5, high=2.0, log=True)),
        Varied(name="b.days", targets=(("b", "days"),), scale=Integer(low=2, high=20, step=2)),
        Varied(name="c.kind", targets=(("c", "kind"),), scale=Choice(values=("x", "y"), tells=("x", "y"))),
    )
)
"""A space of three kinds of coordinate."""

TERMS = MirrorTerms(
    space=SPACE,
    objectives=(Objective.SHARPE,),
    constraints=ConstraintSettings(max_drawdown=0.2, min_trades=10),  # type: ignore[call-arg]  # the rest has a default
    periods_per_year=252,
)
"""One objective and two constraints."""

IDENTITY = StudyIdentity(settings="settings", space="space", data="data", code="code")
"""What the study is told from others by."""


def trial(number: int, state: TrialState = TrialState.COMPLETE, n_blocks: int = 3) -> TrialRecord:
    """Return a trial with outcomes and a score that its number decides."""
    rng = np.random.default_rng(number)
    blocks = tuple(
        BlockOutcome(
            block=block,
            end_ns=np.arange(20, dtype=np.int64) + 20 * block,
            returns=rng.normal(0.001, 0.01, 20),
            measures={"n_trades": 2.0, "turnover": 0.5, "open_at_end": 0.0, "costs": float("nan")},
        )
        for block in range(n_blocks)
    )
    values: dict[str, Value] = {
        "a.width": 0.5 + number % 10 / 10,
        "b.days": 2 + 2 * (number % 10),
        "c.kind": "xy"[number % 2],
    }
    is_complete = state is TrialState.COMPLETE
    return TrialRecord(
        number=number,
        point=SPACE.point(values),
        state=state,
        blocks=blocks,
        scores=(float(rng.normal()),) if is_complete else (),
        excesses=(-0.1, 0.2) if is_complete else (),
        reason="" if is_complete else f"it was {state.value}",
    )


def part(*trials: TrialRecord) -> PartRecord:
    """Return the search over all blocks."""
    return PartRecord(index=0, splits=(), train=(0, 1, 2), trials=trials)


def base_trial() -> TrialRecord:
    """Return trial 0 of a sweep whose base lies outside its space."""
    told = trial(0)
    return TrialRecord(
        number=0, point=Point(()), state=told.state, blocks=told.blocks, scores=(0.5,), excesses=told.excesses
    )


def run(url: str, name: str, n_trials: int) -> None:
    """Write trials one at a time, and tell each that stands."""
    mirror = StudyMirror(url, name, TERMS, IDENTITY, SystemClock())
    trials = [trial(number) for number in range(n_trials)]
    for number in range(n_trials):
        mirror.write([part(*trials[: number + 1])])
        sys.stdout.write(f"{mirror.name} {number + 1}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], int(sys.argv[3]))
