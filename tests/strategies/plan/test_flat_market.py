"""The flat-market test and the least credit of Z19a: each sign at its bounds, and what is missing is no sign."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import numpy as np
import pytest

from market.errors import ConfigError
from strategies.chain_lookup import ChainLookup
from strategies.plan.flat_market import FlatMarket
from strategies.views import ChainView
from tests.strategies.plan.plans import CONDOR, scene, three_expiries

_ALL = FlatMarket(needed=3)


def _view(puts: float, calls: float) -> ChainView:
    """Return a chain of 2 000 points around 4000 in which so many contracts of puts and calls were traded."""
    chain = three_expiries().chain
    volume = np.zeros(chain.strike.shape)
    volume[np.flatnonzero(chain.is_call)[0]] = calls
    volume[np.flatnonzero(~chain.is_call)[0]] = puts
    return ChainLookup().view(replace(chain, volume=volume))


@pytest.mark.parametrize(
    ("puts", "calls", "balance"),
    [(850.0, 1000.0, True), (849.0, 1000.0, False), (1150.0, 1000.0, True), (1151.0, 1000.0, False)],
)
def test_puts_and_calls_balance_from_bound_to_bound(puts: float, calls: float, balance: bool) -> None:  # noqa: FBT001  # expected
    """0.85 and 1.15 contracts of puts a call count, what lies beyond does not."""
    assert FlatMarket().signs(_view(puts, calls)) == (balance, True, True)


@pytest.mark.parametrize(("each", "enough"), [(250.0, True), (249.0, False)])
def test_five_hundred_contracts_are_enough(each: float, enough: bool) -> None:  # noqa: FBT001  # expected
    """The bound itself counts."""
    assert FlatMarket().signs(_view(each, each)) == (True, enough, True)


def test_strikes_range_more_than_a_twentieth() -> None:
    """The range itself as the bound does not count."""
    view = _view(500.0, 500.0)
    width = float(np.ptp(view.chain.strike)) / view.spot
    assert FlatMarket(min_strike_range=width).signs(view) == (True, True, False)
    assert FlatMarket(min_strike_range=0.999 * width).signs(view) == (True, True, True)


@pytest.mark.parametrize(("puts", "calls"), [(nan, nan), (0.0, 0.0), (600.0, 0.0)])
def test_what_is_missing_is_no_sign(puts: float, calls: float) -> None:
    """Without calls there is no ratio, and volumes that are not told are no volume."""
    signs = FlatMarket().signs(_view(puts, calls))
    assert signs[0] is False
    assert signs[1] is (puts >= 500.0)


def test_so_many_signs_must_be_there() -> None:
    """Two of three pass where three do not, and the gate tells how many were found."""
    one_sided = _view(2000.0, 500.0)
    assert [FlatMarket(needed=each).gate(one_sided).passed for each in (1, 2, 3)] == [True, True, False]
    assert (_ALL.gate(one_sided).value, _ALL.gate(one_sided).bound) == (2.0, 3.0)


def test_the_gate_stops_an_entry() -> None:
    """A plan that asks for it opens in a balanced market, and not in a one-sided one."""
    plan = replace(CONDOR, entry=replace(CONDOR.entry, flat_market=_ALL))
    assert plan.decide(scene(_view(500.0, 500.0))).reason == "entry"
    refused = plan.decide(scene(_view(2000.0, 500.0)))
    assert (refused.reason, refused.proposals) == ("flat_market", ())


def test_a_credit_may_have_a_least() -> None:
    """At the credit seen it passes, a cent above it it does not (Z19a: 0.05)."""
    credit = dict(CONDOR.decide(scene()).factors)["credit"]
    for least, reason in ((credit, "entry"), (credit + 0.01, "credit_at_least")):
        assert replace(CONDOR, entry=replace(CONDOR.entry, min_credit=least)).decide(scene()).reason == reason


@pytest.mark.parametrize(
    "wrong", [{"put_call_low": 0.0}, {"put_call_high": 0.85}, {"min_volume": -1.0}, {"needed": 0}, {"needed": 4}]
)
def test_bounds_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    """Each outside its own range."""
    with pytest.raises(ConfigError):
        FlatMarket(**wrong)  # type: ignore[arg-type]  # the point
