"""Records depend on settings and on what points give: not on arrival, on how many run at a time, or on a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from execution.identity import digest_of
from tests.tuning.search.planted import Market, cube, lattice, planner_of, sweep_of
from tuning.search.inline import run_inline
from tuning.search.planner import Planner
from tuning.search.records import PartRecord
from tuning.work import Item, Point

SAMPLERS = ("random", "tpe", "cma_es", "nsga2")
_ROOT = Path(__file__).resolve().parents[3]


def digest(planner: Planner) -> str:
    """Return the digest of all records, bit by bit."""
    return digest_of((planner.parts, planner.choices))


def run_shuffled(planner: Planner, market: Market, rng: np.random.Generator, most: int) -> None:
    """Run a sweep on some workers whose speed is drawn: outcomes come back in any order."""
    out: list[Item] = []
    while not planner.is_done:
        out += planner.ready(int(rng.integers(1, most + 1)))
        for _ in range(int(rng.integers(0, len(out) + 1))):
            planner.tell(market(out.pop(int(rng.integers(len(out))))))


def small(sampler: str, **tables: Any) -> Planner:
    """Return a plan of few trials."""
    told = {"sampler": sampler, "trials": 14, "startup": 4, "lag": 3, "pruning": {"first_blocks": 1, "reduction": 2}}
    return planner_of(sweep_of(**(told | tables)), cube())


def digests() -> dict[str, str]:
    """Return the digest of each sampler's records, one item after the other."""
    found = {}
    for sampler in SAMPLERS:
        planner = small(sampler)
        run_inline(planner, Market())
        found[sampler] = digest(planner)
    return found


@pytest.fixture(scope="module")
def inline() -> dict[str, str]:
    """Return the digests of this process."""
    return digests()


@pytest.mark.parametrize("sampler", SAMPLERS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), most=st.integers(1, 12))
def test_any_order_of_arrival_gives_the_same_records(
    inline: dict[str, str], sampler: str, seed: int, most: int
) -> None:
    """Whatever is quick, lost and found late, and however many run at a time: records are equal bit by bit."""
    planner = small(sampler)
    run_shuffled(planner, Market(), np.random.default_rng(seed), most)
    assert digest(planner) == inline[sampler]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_sweep_told_again_from_what_is_kept_gives_the_same_records(inline: dict[str, str], sampler: str) -> None:
    """A resumed sweep asks the same points, and finds the blocks that were run; it runs none of them again."""
    first, half = Market(), small(sampler)
    for _ in range(20):
        for item in half.ready(2):
            half.tell(first(item))
    kept, resumed, second = set(first.asked), small(sampler), Market()
    run_inline(resumed, second)
    assert digest(resumed) == inline[sampler]
    assert kept <= set(second.asked)
    assert len(second.asked) == len(set(second.asked))


def test_a_process_with_another_hash_seed_gives_the_same_records(inline: dict[str, str]) -> None:
    """No order of a set or of a hash has a part in what is proposed."""
    code = "from tests.tuning.search.test_order import digests; print(*digests().values())"
    told = subprocess.run(  # our own interpreter and code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=_ROOT, env={"PYTHONHASHSEED": "2"}
    )
    assert told.stdout.split() == list(inline.values())


def _proposals(part: PartRecord) -> list[str]:
    return [trial.point.key for trial in part.trials]


def test_a_seed_tells_what_is_proposed() -> None:
    """Another seed gives other points after the base, and searches of one sweep begin with the same."""
    plans = [planner_of(sweep_of(sampler="tpe", seed=seed, startup=8, trials=10), cube()) for seed in (0, 1)]
    for planner in plans:
        run_inline(planner, Market())
    first, second = (_proposals(planner.parts[-1]) for planner in plans)
    assert first[0] == second[0]
    assert not set(first[1:]) & set(second[1:])
    assert all(_proposals(part)[:8] == first[:8] for part in plans[0].parts)


def test_so_many_run_at_a_time_as_the_lag_allows() -> None:
    """Trials that nothing was told of are as many as the lag, in each search; the others wait."""
    planner = planner_of(sweep_of(sampler="tpe", lag=5, trials=12, startup=2, validation={"train_blocks": 4}), cube())
    items = planner.ready(100)
    assert [len(part.trials) for part in planner.parts] == [5, 5]
    assert planner.ready(100) == ()
    assert sorted(len(item.blocks) for item in items) == [1] * 5 + [4] * 5  # the last block alone is left to the second


@pytest.mark.parametrize("sampler", ["tpe", "cma_es", "nsga2"])
def test_a_trial_is_proposed_without_those_within_the_lag(sampler: str) -> None:
    """What a trial gives changes proposals from its number and the lag on, and none before."""
    lag, number = 4, 9
    found: list[list[Point]] = []
    for gain in (0.0, 0.02):
        planner = planner_of(sweep_of(sampler=sampler, lag=lag, trials=24, startup=4), cube())
        at = found[0][number] if found else None
        run_inline(planner, Market(gifts={at: gain} if at else {}))
        found.append([trial.point for trial in planner.parts[-1].trials])
    plain, gifted = found
    assert gifted[: number + lag] == plain[: number + lag]
    assert gifted != plain


def test_what_two_searches_ask_for_is_run_once() -> None:
    """Each pair of a point and a block is handed out a single time in a sweep."""
    market, planner = Market(), planner_of(sweep_of(sampler="nsga2", trials=20, startup=6), lattice(4))
    run_inline(planner, market)
    assert len(market.asked) == len(set(market.asked))
    assert planner.progress.n_blocks_shared > 0
    assert len(planner.parts) == 3
