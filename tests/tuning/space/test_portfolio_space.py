"""How strategies share an account is searched as everything else is (Z74)."""

from __future__ import annotations

from typing import Any, Final

import pytest

from cluster.backtests.reading import settings_of
from tests.tuning.space.bases import TWO
from tuning.space import space_of

_TEXT: Final = TWO.replace("weight = 0.6\n", "").replace("weight = 0.4\n", "") + (
    '\n[portfolio]\nmethod = "risk_parity"\nwindow_days = 60\nevery_days = 5\nkelly_fraction = 0.25\nmax_weight = 0.8\n'
    'risk_budgets = { "my.condor" = 0.5, iron_condor = 0.5 }\n'
)
_TOLD: Final[dict[str, Any]] = {
    "portfolio.method": ["equal_weight", "equal_risk", "risk_parity", "mean_variance", "kelly"],
    "portfolio.every_days": {"low": 1, "high": 9, "step": 2},
    "portfolio.window_days": [40, 60],
    "portfolio.max_weight": {"low": 0.5, "high": 1.0},
    "portfolio.kelly_fraction": {"low": 0.1, "high": 0.9, "when": {"portfolio.method": "kelly"}},
    "portfolio.risk_budgets": {"simplex": True, "when": {"portfolio.method": "risk_parity"}},
}
_BASE = settings_of(_TEXT, "base.toml")
_SPACE = space_of(_TOLD, _BASE)


def _at(method: str, place: float) -> Any:
    told = _SPACE.sampled([place] * _SPACE.n_dims).as_dict()
    point = _SPACE.point(told | {"portfolio.method": method, "portfolio.kelly_fraction": 0.6})
    return _SPACE.settings_at(point, _BASE).portfolio


@pytest.mark.parametrize("method", _TOLD["portfolio.method"])
@pytest.mark.parametrize("place", [0.05, 0.95])
def test_each_method_has_its_settings(method: str, place: float) -> None:
    """The method is the one that is told; what another method reads stays as the base has it."""
    found = _at(method, place)
    assert found.method.value == method
    assert found.kelly_fraction == (0.6 if method == "kelly" else 0.25)
    budgets = found.risk_budgets
    assert sum(budgets.values()) == pytest.approx(1.0, abs=1e-12)
    assert budgets == pytest.approx({"my.condor": 0.5, "iron_condor": 0.5})


def test_budgets_of_risk_move_where_they_are_read() -> None:
    """Two logits apart give unequal budgets that still sum to 1, under risk parity alone."""
    values = _SPACE.sampled([0.5] * _SPACE.n_dims).as_dict() | {
        "portfolio.risk_budgets.my.condor": 2.0,
        "portfolio.risk_budgets.iron_condor": 0.0,
    }
    for method, share in (("risk_parity", 0.8807970779778823), ("kelly", 0.5)):
        found = _SPACE.settings_at(_SPACE.point(values | {"portfolio.method": method}), _BASE).portfolio
        assert found is not None
        assert found.risk_budgets["my.condor"] == pytest.approx(share)
        assert sum(found.risk_budgets.values()) == pytest.approx(1.0, abs=1e-12)


def test_the_base_is_a_point_and_no_assumption() -> None:
    """Trial 0 lies in the space, and sharing money is a choice and no assumption about a market."""
    assert _SPACE.default is not None
    assert _SPACE.default.as_dict()["portfolio.method"] == "risk_parity"
    assert _SPACE.assumptions == ()
