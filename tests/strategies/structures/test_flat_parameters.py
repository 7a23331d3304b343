"""Strategies whose rules stand as plain parameters: each parameter is that of the rule of its name."""

from __future__ import annotations

import pytest

from strategies.catalogue import strategy_of

_CHANGED: dict[str, object] = {
    "profit_target": 0.4,
    "stop_multiple": 1.5,
    "stop_share": 0.6,
    "trailing_keep": 0.7,
    "atr_multiple": 1.5,
    "monitor_days": 30,
    "closes_in_crash": True,
    "close_before_end_s": 600.0,
    "exit_days": 7,
    "rolls": True,
    "min_credit_share": 0.2,
    "max_short_delta": 0.3,
    "max_volatility_index": 25.0,
    "min_iv_rank": 0.3,
    "max_open": 2,
    "max_chain_age_s": 60.0,
    "cool_down_s": 900.0,
    "reenters": True,
    "max_packages": 3,
    "risk_share": 0.01,
    "margin_share": 0.25,
    "allowance": 0.2,
    "order_life_s": 60.0,
}
_LEGS = {"short_delta", "width", "within", "days", "shortest", "longest"}
_NO_RULES = {"underlying", "name", "penalty", "steps", "liquidity", "fuzzy", "score", "follows_policy", "hedge", "bars"}
_TIMES = {"at", "window_s", "cutoff_s", "allows_undefined_risk", "layers"}


def _rules(strategy: object) -> dict[str, object]:
    """Return every rule of a plan by its name."""
    plan = strategy.plan  # type: ignore[attr-defined]  # each of these strategies has one
    found = {name: getattr(plan, name) for name in ("allowance", "order_life_s")}
    for part in (plan.entry, plan.size, plan.exits):
        found |= {name: getattr(part, name) for name in part.__dataclass_fields__}
    return found


@pytest.mark.parametrize("name", ["iron_condor", "zero_dte_condor", "zero_dte_straddle"])
def test_each_parameter_is_the_rule_of_its_name(name: str) -> None:
    """One that is told changes that rule and no other, and none is left without a rule."""
    needed = {"underlying": "SPX"} | ({"allows_undefined_risk": True} if name == "zero_dte_straddle" else {})
    plain = strategy_of(name, needed)
    own = {each for each in plain.__dataclass_fields__ if each != "plan"}  # type: ignore[attr-defined]  # a dataclass
    told = own - _LEGS - _NO_RULES - _TIMES
    assert told <= set(_CHANGED)
    for each in sorted(told):
        more = {"bars": {"atr_bars": 14}} if each == "atr_multiple" else {}
        changed = strategy_of(name, {**needed, each: _CHANGED[each], **more})
        before, after = _rules(plain), _rules(changed)
        # By their text: a NaN is unlike itself.
        assert {rule for rule in before if repr(before[rule]) != repr(after[rule])} == {each}
        assert after[each] == _CHANGED[each]


def test_a_condor_can_be_told_the_regime_and_the_rank() -> None:
    """Closed in a crash (Q79), reported from 21 days on (Q83), not sold at a low rank (Q16), with a trailing stop."""
    told = {"closes_in_crash": True, "monitor_days": 21, "min_iv_rank": 0.3, "trailing_keep": 0.7, "exit_days": 7}
    plan = strategy_of("iron_condor", {"underlying": "SPX", **told}).plan  # type: ignore[attr-defined]  # it has one
    assert (plan.exits.closes_in_crash, plan.exits.monitor_days, plan.exits.exit_days) == (True, 21, 7)
    assert (plan.entry.min_iv_rank, plan.exits.trailing_keep) == (0.3, 0.7)
