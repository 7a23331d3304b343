"""Samplers that learn: they find what was planted, keep bounds, and translate a space there and back."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.search.planted import Market, cube, planner_of, sweep_of, varied
from tuning.search.distributions import distributions_of, params_of, point_of
from tuning.search.inline import run_inline
from tuning.search.records import PartRecord, TrialState
from tuning.space.dimensions import LOGIT_REACH, Condition, Simplex, Varied
from tuning.space.scales import Choice, Integer, Stepped, Uniform
from tuning.space.space import Space
from tuning.work import BlockOutcome, Point

LEARNING = ("tpe", "cma_es", "nsga2")
OPTIMUM = (0.3, 0.6, 0.2, 0.7)
SEEDS = range(3)
MIXED = Space(
    (
        varied("choice", Choice(values=(True, 1, "a"), tells=(True, 1, "a"))),
        varied("number", Uniform(low=0.01, high=10.0, log=True)),
        varied("step", Stepped(low=Decimal("0.05"), high=Decimal("0.95"), step=Decimal("0.05"), is_exact=True)),
        varied("tenth", Stepped(low=Decimal("0.1"), high=Decimal("0.9"), step=Decimal("0.1"))),
        varied("whole", Integer(low=5, high=25, step=5)),
        Simplex(name="w", members=("a", "b", "c"), targets=(("w", "a"), ("w", "b"), ("w", "c"))),
    )
)


def _search(sampler: str, seed: int, market: Market, **tables: object) -> PartRecord:
    told = {"sampler": sampler, "seed": seed, "trials": 160, "startup": 12, "lag": 4} | tables
    told |= {"validation": {"blocks": 4, "train_blocks": 3}}
    planner = planner_of(sweep_of(**told), cube(4))
    run_inline(planner, market)
    return planner.parts[-1]


def _shortfall(part: PartRecord, market: Market) -> float:
    """Return how far the best trial lies below the optimum, in what it truly earns a day."""
    best = max(part.trials, key=lambda trial: trial.scores[0])
    return 0.001 - market.mean(best.point)


@pytest.mark.parametrize("sampler", LEARNING)
def test_a_planted_optimum_is_found_better_than_by_chance(sampler: str) -> None:
    """At as many trials, over some seeds, the best trial lies nearer to the optimum than that of random points."""
    market = Market(OPTIMUM)
    learned = np.mean([_shortfall(_search(sampler, seed, market), market) for seed in SEEDS])
    drawn = np.mean([_shortfall(_search("random", seed, market), market) for seed in SEEDS])
    assert learned < 0.85 * drawn


class Busy(Market):
    """The market, where more is traded the higher the first value; the optimum trades too much."""

    def block(self, point: Point, at: int) -> BlockOutcome:
        """Return the block with a turnover that follows the point."""
        turnover = 1.0 + 10.0 * float(point.as_dict()["x0"])
        return replace(super().block(point, at), measures={"n_trades": 4.0, "turnover": turnover, "open_at_end": 0.0})


@pytest.mark.parametrize("sampler", LEARNING)
def test_a_bound_is_learned(sampler: str) -> None:
    """In the later half more trials keep a bound than of random points, and the best of them lies near the bound."""
    market = Busy((0.6, 0.6, 0.2, 0.7))
    most = 365 / 21 * 4.0  # the first value is 0.3 there, below that of the optimum
    tables = {"constraints": {"max_turnover": most}}
    shares = {}
    for name in (sampler, "random"):
        trials = _search(name, 1, market, **tables).trials
        assert all(trial.is_feasible == (float(trial.point.as_dict()["x0"]) <= 0.3) for trial in trials)
        shares[name] = np.mean([trial.is_feasible for trial in trials[80:]])
    assert shares[sampler] > shares["random"] + 0.1


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_several_objectives_give_a_front(sampler: str) -> None:
    """Two that disagree are searched together; scores stand in the order of the settings."""
    part = _search(sampler, 0, Busy(OPTIMUM), objectives=("turnover", "sharpe"))
    scores = np.array([trial.scores for trial in part.trials])
    assert {trial.state for trial in part.trials} == {TrialState.COMPLETE}
    lows = [float(trial.point.as_dict()["x0"]) for trial in part.trials]
    np.testing.assert_allclose(scores[:, 0], (1.0 + 10.0 * np.array(lows)) * 365 / 21)
    assert np.median(lows[80:]) < 0.4


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_several_objectives_go_with_pruning_and_bounds(sampler: str) -> None:
    """Trials are pruned by the first objective, and what is chosen keeps the bounds."""
    told = {"pruning": {"first_blocks": 1, "reduction": 2}, "constraints": {"max_turnover": 120.0}, "trials": 40}
    part = _search(sampler, 0, Busy(OPTIMUM), objectives=("sharpe", "turnover"), **told)
    assert {trial.state for trial in part.trials} == {TrialState.COMPLETE, TrialState.PRUNED}
    feasible = [trial for trial in part.trials if trial.is_feasible]
    assert feasible
    assert all(trial.scores[1] <= 120.0 for trial in feasible)


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_what_does_not_matter_makes_no_second_point(sampler: str) -> None:
    """A number that matters with one choice alone gives five points and not eight, and the search ends with them."""
    kind = varied("kind", Choice(values=("a", "b"), tells=("a", "b")), "a")
    when = Condition(name="kind", values=("b",))
    number = Varied(name="n", targets=(("n",),), scale=Integer(low=1, high=4), held=2, when=when)
    planner = planner_of(sweep_of(sampler=sampler, trials=50, startup=3), Space((kind, number)))

    class Plain(Market):
        def mean(self, point: Point) -> float:
            return 0.001 * (point.as_dict()["kind"] == "b")

    run_inline(planner, Plain())
    assert [len(part.trials) for part in planner.parts] == [5, 5, 5]


@given(st.lists(st.floats(0.0, 1.0), min_size=8, max_size=8))
def test_points_of_every_kind_go_to_optuna_and_back(places: list[float]) -> None:
    """A point is the same after it was told, bit by bit but for logits, whose weights are the same."""
    point = MIXED.sampled(places)
    params, dists = params_of(MIXED, point), distributions_of(MIXED)
    assert list(params) == list(dists) == sorted(MIXED.names)
    assert all(dist._contains(dist.to_internal_repr(params[name])) for name, dist in dists.items())
    again = point_of(MIXED, params).as_dict()
    for name, value in point.values:
        if name.startswith("w."):
            assert float(again[name]) == pytest.approx(float(value), abs=1e-9)
        else:
            assert (type(again[name]), again[name]) == (type(value), value)


def test_logits_beyond_their_bounds_are_moved_between_them() -> None:
    """One large weight among many small ones is told with the same weights."""
    members = tuple("abcdef")
    space = Space((Simplex(name="w", members=members, targets=tuple(("w", each) for each in members)),))
    point = space.point({f"w.{each}": (4.0 if each == "a" else -3.9) for each in members})
    assert max(float(value) for _, value in point.values) > LOGIT_REACH
    params = params_of(space, point)
    assert max(map(abs, params.values())) <= LOGIT_REACH
    np.testing.assert_allclose(space.unit(point_of(space, params)), space.unit(point), rtol=1e-9)
