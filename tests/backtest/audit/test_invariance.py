"""Guards against the future, the order of rows and chance: honest runs pass, and each cheat is caught."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from backtest.audit.findings import WayToRun
from backtest.audit.invariance import (
    audit_instants,
    determinism,
    look_ahead_canary,
    result_digest,
    row_order_invariance,
    truncation_invariance,
)
from backtest.audit.rewrites import cut, spoiled
from backtest.history import History
from backtest.results import RunResult
from strategies.decisions import HOLD, Decision
from strategies.views import View
from tests.backtest.audit.runs import Drifting, fitted_on_all, history, honest, peeking
from tests.backtest.option_recordings import chains, contract, of_chains, order
from tests.backtest.recordings import MINUTE_NS, bars, of_bars, run


def _generator() -> np.random.Generator:
    return np.random.default_rng(11)


def _boards(n: int = 6) -> History:
    rows = [
        {(4280.0, "P"): (3.0 + n / 10, 3.2 + n / 10), (4290.0, "P"): (5.0, 5.3), (4300.0, "C"): (4.0 - n / 10, 4.4)}
        for n in range(n)
    ]
    return of_chains(chains(rows, step_ns=5 * MINUTE_NS))


class _ByStrike:
    """Buys the lowest strike once: the order of a chain's rows is nothing to it."""

    name = "by_strike"

    def decide(self, view: View) -> Decision:
        """Return a purchase while nothing is held."""
        if view.chain("SPX") is None or view.account.packages or view.account.working:
            return HOLD
        return order(((contract(4280, "P"), 1),), "3.40")


class _FirstRow:
    """Buys where the first row of the chain is cheap: another order, another trade."""

    name = "first_row"

    def decide(self, view: View) -> Decision:
        """Return a purchase for the first row's ask."""
        found = view.chain("SPX")
        if found is None:
            return HOLD
        ask = found.chain.ask[0]
        return replace(order(((contract(4280, "P"), 1),), "3.40"), factors=(("first_ask", float(ask)),))


def _by_strike(data: History) -> RunResult:
    return run(data, _ByStrike())


def _by_first_row(data: History) -> RunResult:
    return run(data, _FirstRow())


def test_an_honest_run_passes_every_guard_of_invariance() -> None:
    """Closed bars alone: nothing hangs on the future, on the order of rows, or on the process."""
    data = history()
    baseline = honest(data)
    assert len(baseline.trades) > 10
    instants = audit_instants(baseline, 4)
    assert len(instants) == 4
    findings = (
        look_ahead_canary(honest, data, baseline, instants, _generator()),
        truncation_invariance(honest, data, baseline, instants),
        row_order_invariance(honest, data, baseline, _generator()),
        determinism(honest, data, baseline, lambda: result_digest(honest(data))),
    )
    assert [(each.passed, each.value) for each in findings] == [(True, 0.0)] * 4


@pytest.mark.parametrize("cheat", [peeking, fitted_on_all])
def test_a_run_that_knows_the_future_is_caught_by_canary_and_by_cutting(cheat: WayToRun) -> None:
    """The next close, or a mean over all closes: garbage after an instant, or no data after it, changes the past."""
    data = history()
    baseline = cheat(data)
    assert baseline.fills
    instants = audit_instants(baseline, 4)
    canary = look_ahead_canary(cheat, data, baseline, instants, _generator())
    truncated = truncation_invariance(cheat, data, baseline, instants)
    assert (canary.passed, truncated.passed) == (False, False)
    assert all("differs" in each.text for each in (canary, truncated))


def test_a_venue_that_fills_at_a_price_of_later_is_caught_by_the_canary() -> None:
    """A run whose fills took the close of the bar that had just opened: the decisions stand, the fills do not."""

    def late_price(data: History) -> RunResult:
        result = honest(data)
        close = dict(zip(data.bars[0].start_ns.tolist(), data.bars[0].close.tolist(), strict=True))
        fills = tuple(
            replace(each, price=type(each.price)(repr(close.get(each.ts_event_ns, 1.0)))) for each in result.fills
        )
        return replace(result, fills=fills)

    data = history()
    baseline = late_price(data)
    found = look_ahead_canary(late_price, data, baseline, audit_instants(baseline, 4), _generator())
    assert found.passed is False
    assert "a fill at" in found.text


def test_chains_in_another_order_change_nothing_for_whoever_looks_at_strikes() -> None:
    """The order of contracts is no fact; a rule that reads the first row is caught."""
    data = _boards()
    fair = row_order_invariance(_by_strike, data, _by_strike(data), _generator())
    caught = row_order_invariance(_by_first_row, data, _by_first_row(data), _generator())
    assert (fair.passed, caught.passed) == (True, False)
    assert "a decision at" in caught.text


def test_chains_are_spoiled_after_the_instant_and_cut_at_it() -> None:
    """Quotes up to the instant stay bit for bit; later ones differ or are gone; the run passes."""
    data = _boards()
    chains_ = data.chains[0]
    middle = int(chains_.available_ns[2]) + 1
    other = spoiled(data, middle, _generator()).chains[0]
    for place in range(6):
        is_same = np.array_equal(other.chain(place).bid, chains_.chain(place).bid)
        assert is_same == (place <= 2)
    assert cut(data, middle).chains[0].available_ns.shape[0] == 3
    baseline = _by_strike(data)
    assert (len(baseline.fills), baseline.stopped) == (1, "")
    instants = audit_instants(baseline, 3)
    assert look_ahead_canary(_by_strike, data, baseline, instants, _generator()).passed
    assert truncation_invariance(_by_strike, data, baseline, instants).passed


def test_a_strategy_that_remembers_other_runs_is_caught_by_repetition() -> None:
    """One object for all runs, with a counter: the second run is not the first."""
    drifting = Drifting()

    def remembering(data: History) -> RunResult:
        return run(data, drifting)

    data = history(60)
    found = determinism(remembering, data, remembering(data))
    assert (found.passed, found.value) == (False, 1.0)


def test_another_process_with_another_digest_is_told() -> None:
    """What only another process shows, as a hash seed does, fails the guard."""
    data = history(60)
    found = determinism(honest, data, honest(data), lambda: "0" * 64)
    assert found.passed is False
    assert "in another process it is 000000000000" in found.text


def test_a_run_without_views_cannot_be_asked_and_says_so() -> None:
    """Nothing to compare is not a pass."""
    data = of_bars(bars([100.0]))
    baseline = honest(data)
    found = truncation_invariance(honest, data, baseline, audit_instants(baseline, 3))
    assert found.passed is None
    assert "nothing to compare" in found.text
