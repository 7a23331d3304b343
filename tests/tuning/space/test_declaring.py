"""A space is declared by paths: what stands there is found, forms fit its kind, mistakes are told by their place."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.backtests.reading import settings_of
from market.errors import ConfigError
from tests.tuning.space.bases import TWO, one
from tuning.space import Choice, Integer, Simplex, Space, Stepped, Uniform, Varied, space_of
from tuning.space.declaring import FORM_KEYS

_BASE = settings_of(TWO, "base.toml")
_CONFIG = "strategies.iron_condor.parameters.fuzzy.config"


def _space(told: dict[str, Any]) -> Space:
    return space_of(told, _BASE)


def _varied(path: str, form: Any) -> Varied:
    found = _space({path: form}).dimensions[0]
    assert isinstance(found, Varied)
    return found


@pytest.mark.parametrize(
    ("path", "form", "name", "scale", "held"),
    [
        ("strategies.my.condor.short_delta", {"low": 0.1, "high": 0.3}, "parameters.short_delta", Uniform, 0.2),
        ("strategies.my.condor.parameters.width", [5, 10], "parameters.width", Choice, 10.0),
        ("strategies.my.condor.at", ["10:00:00", "11:00"], "parameters.at", Choice, "10:00"),
        ("strategies.iron_condor.at", [["10:00"], ["11:00"]], "iron_condor.at", Choice, None),
        ("strategies.iron_condor.days", {"low": 31, "high": 45}, "parameters.days", Integer, 45),
        ("strategies.iron_condor.penalty.low", {"low": 0.1, "high": 0.15}, "penalty.low", Uniform, 0.12),
        (f"{_CONFIG}.rsi.family", ["gaussian", "linear"], "config.rsi.family", Choice, "gaussian"),
        ("strategies.my.condor.reenters", [True, False], "parameters.reenters", Choice, False),
        ("risk.preset", ["none", "hedgefield"], "risk.preset", Choice, "none"),
        ("risk.risk_share", {"low": 0.01, "high": 0.05, "step": 0.02}, "risk.risk_share", Stepped, 0.05),
        ("limits.most_packages", {"low": 1, "high": 3}, "limits.most_packages", Integer, None),
        ("margin.leverage", {"low": 5, "high": 20, "step": 5}, "margin.leverage", Stepped, "10"),
        ("margin.calls.read_at", ["close", "always"], "margin.calls.read_at", Choice, "close"),
        ("fills.latency_ms", {"low": 1, "high": 900, "log": True}, "fills.latency_ms", Uniform, 100.0),
        ("fills.slippage.amount", {"low": 0.0, "high": 0.05}, "fills.slippage.amount", Uniform, 0.02),
        ("fills.model", ["cross", {"name": "mid_plus_fraction", "fraction": 0.5}], "fills.model", Choice, "cross"),
        ("readings.field.dynamics", ["sticky_strike", "sticky_moneyness"], "field.dynamics", Choice, "sticky_strike"),
        ("readings.field.horizon_min", {"low": 15, "high": 60}, "field.horizon_min", Uniform, 30.0),
        ("readings.impact.SIM.SPX.return_per_usd", {"low": 1e-13, "high": 3e-13}, "SPX.return_per_usd", Uniform, 2e-13),
    ],
)
def test_a_path_leads_to_a_value_of_its_kind(path: str, form: Any, name: str, scale: type, held: object) -> None:
    """Parameters of strategies and tables in them, limits, margin, fills, readings; with the value of the base."""
    found = _varied(path, form)
    assert found.name.endswith(name)
    assert isinstance(found.scale, scale)
    assert found.held == held


def test_keys_with_points_and_tables_within_tables_declare_the_same() -> None:
    """A parameter that is itself called low has a form like any other; a single strategy needs no name."""
    flat = _space({"strategies.iron_condor.penalty.low": {"low": 0.1, "high": 0.15}, "risk.risk_share": [0.01, 0.02]})
    deep = {"strategies": {"iron_condor": {"penalty": {"low": {"low": 0.1, "high": 0.15}}}}}
    assert _space(deep | {"risk": {"risk_share": [0.01, 0.02]}}) == flat
    listed = _varied("strategies.iron_condor.penalty.low", [0.1, 0.12])
    assert _space({"strategies": {"iron_condor": {"penalty": {"low": [0.1, 0.12]}}}}).dimensions == (listed,)
    alone = space_of({"strategy.width": [5, 10]}, one("zero_dte_condor"))
    assert alone.names == ("strategies.zero_dte_condor.parameters.width",)


def test_one_value_may_be_written_at_several_paths() -> None:
    """A width that both strategies share is one dimension; another kind of value cannot share it."""
    also = "strategies.iron_condor.width"
    found = _varied("strategies.my.condor.width", {"choices": [5, 10], "also": [also]})
    assert len(found.targets) == 2
    settings = _space({"strategies.my.condor.width": {"choices": [5, 10], "also": [also]}})
    widths = [item.parameters["width"] for item in settings.settings_at(settings.grid()[0], _BASE).strategies]
    assert widths == [5.0, 5.0]
    with pytest.raises(ConfigError, match="another kind"):
        _varied("strategies.my.condor.width", {"choices": [5, 10], "also": ["strategies.iron_condor.days"]})


@pytest.mark.parametrize(
    ("path", "members", "total"),
    [
        ("strategies.iron_condor.fuzzy.config", 10, 1.0),
        ("strategies.iron_condor.fuzzy.config.*.weight", 10, 1.0),
        ("strategies.*.weight", 2, 1.0),
        ("strategies.iron_condor.fuzzy.timeframe_weights", 3, 1.0),
    ],
)
def test_weights_are_one_dimension_that_keeps_their_sum(path: str, members: int, total: float) -> None:
    """Of a table of factors, of the strategies, of a list; at its default it writes the weights of the base."""
    space = _space({path: {"simplex": True}})
    (found,) = space.dimensions
    assert isinstance(found, Simplex)
    assert (len(found.members), found.total, space.n_dims) == (members, total, members)
    assert space.default is not None
    assert found.weights_of(found.default or ()) == pytest.approx(found.weights, abs=1e-15)
    assert space.settings_at(space.default, _BASE).strategies[1].called == "iron_condor"


def test_some_members_share_what_the_others_leave() -> None:
    """Three factors are varied; the other seven keep their weights, and all ten add up to 1."""
    space = _space({f"{_CONFIG}.*.weight": {"simplex": True, "members": ["rsi", "adx", "volume"], "points": 5}})
    for point in space.grid():
        built: Any = space.settings_at(point, _BASE).strategies[1].build()
        weights = built.fuzzy.config.weights
        assert abs(sum(weights.values()) - 1.0) <= 1e-12
        assert (weights["consensus"], weights["iv_rank"]) == (0.18, 0.14)
    assert len(space.grid()) == 6


def test_budgets_of_risk_are_named_by_the_strategies() -> None:
    """An empty table of budgets takes the names of the run."""
    text = TWO.replace("weight = 0.6\n", "").replace("weight = 0.4\n", "") + '[portfolio]\nmethod = "risk_parity"\n'
    base = settings_of(text, "base.toml")
    space = space_of({"portfolio.risk_budgets": {"simplex": True, "points": 4}}, base)
    budgets = [space.settings_at(point, base).portfolio for point in space.grid()]
    assert [sorted((each or base).risk_budgets) for each in budgets] == [["iron_condor", "my.condor"]] * 3  # type: ignore[union-attr]


def test_a_dimension_matters_only_under_a_choice() -> None:
    """Where the condition does not hold the base stays, and all its values are one point."""
    told = {
        f"{_CONFIG}.sigma_star.rule": ["percentile", "clip"],
        f"{_CONFIG}.sigma_star.high": {
            "low": 0.3,
            "high": 0.5,
            "points": 3,
            "when": {"strategies.iron_condor.fuzzy.config.sigma_star.rule": "clip"},
        },
    }
    grid = _space(told).grid()
    assert len(grid) == 1 + 3
    assert "fuzzy" in _space(told).settings_at(grid[0], _BASE).strategies[1].parameters


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"risk.risk_shar": [0.1]}, ["risk.risk_shar", "risk_share?"]),
        ({"rsk.risk_share": [0.1]}, ["rsk", "risk?"]),
        ({"strategies.iron_condr.width": [5]}, ["iron_condr", "iron_condor?"]),
        ({"strategies.iron_condor.penalty.lw": [0.1]}, ["lw", "low?"]),
        ({"strategies.iron_condor": [1]}, ["ends too early"]),
        ({"strategy.width": [5]}, ["names no strategy", "strategies.NAME"]),
        ({"strategies.iron_condor.width.x": [5]}, ["leads nowhere", "width is a float"]),
        ({"readings.field.dynamcs": ["sticky_strike"]}, ["dynamcs", "dynamics?"]),
        ({"readings.field.position_source": ["oi_naive", "flow"]}, ["flow cannot be", "needs trades or a book"]),
        ({"strategies.iron_condor.name": ["a", "b"]}, ["there is no", "name"]),
        ({"strategies.my.condor.at": ["10:00", "10:00:00"]}, ["stands twice"]),
        ({"strategies.my.condor.at": ["25:00"]}, ["another kind", "time"]),
        ({"margin.leverage": [15, "15.0"]}, ["stands twice"]),
        ({"margin.leverage": [15, "x"]}, ["cannot be", "'x'"]),
        ({"run.seed": [1, 2]}, ["cannot be varied"]),
        ({"data.simulated.step_min": [1, 2]}, ["same data"]),
        ({"risk.risk_share": 3}, ["this is no dimension", "3"]),
        ({"risk.risk_share": {"low": 0.1}}, ["lacks high"]),
        ({"risk.risk_share": {"low": 0.1, "hgh": 0.2}}, ["no hgh", "high?"]),
        ({"risk.risk_share": {"low": 0.3, "high": 0.2}}, ["0.3 and 0.2", "low below high"]),
        ({"risk.risk_share": {"low": 0.1, "high": 0.3, "step": 0.1, "points": 3}}, ["step stands alone"]),
        ({"risk.risk_share": {"low": 0.1, "high": 0.3, "step": 0.15}}, ["leads from low to high"]),
        ({"risk.risk_share": {"low": 0.1, "high": 0.3, "points": 0}}, ["points cannot be", "0"]),
        ({"risk.risk_share": {"low": 0.1, "high": 0.3, "log": 1}}, ["log cannot be"]),
        ({"risk.risk_share": {"low": "a", "high": 0.3}}, ["low cannot be", "'a'"]),
        ({"risk.risk_share": {"low": True, "high": 3}}, ["low cannot be"]),
        ({"risk.risk_share": {"choices": [0.1], "low": 0.1}}, ["low has no meaning"]),
        ({"risk.risk_share": []}, ["at least one value"]),
        ({"risk.risk_share": [0.1, 0.1]}, ["stands twice"]),
        ({"risk.risk_share": ["x"]}, ["another kind", "float"]),
        ({"risk.preset": ["nune"]}, ["another kind", "none, hedgefield"]),
        ({"risk.preset": {"low": 1, "high": 2}}, ["a choice has no range"]),
        ({"strategies.iron_condor.days": {"low": 31.5, "high": 45}}, ["whole"]),
        ({"strategies.iron_condor.days": [31.5]}, ["another kind", "int"]),
        ({"strategies.iron_condor.fuzzy": [1]}, ["a table is no value", "config"]),
        ({"risk.risk_share": {"simplex": True}}, ["needs weights", "float"]),
        ({f"{_CONFIG}": {"simplex": True, "members": ["rsi", "adxx"]}}, ["adxx", "adx?"]),
        ({f"{_CONFIG}": {"simplex": True, "members": ["rsi"]}}, ["two members"]),
        ({f"{_CONFIG}": {"simplex": False}}, ["simplex = true"]),
        ({"risk.risk_share": {"low": 0.01, "high": 1.5}}, ["1.5 cannot be, at any of eleven places of the rest"]),
        ({"strategies.iron_condor.short_delta": {"low": 0.1, "high": 0.6}}, ["0.6 cannot be", "max_short_delta"]),
        ({"presets": ["q89"]}, ["no preset", "q88?"]),
        ({"presets": "q88"}, ["presets cannot be"]),
        ({"presets": ["selector"]}, ["finds nothing to vary", "iron_condor"]),
        ({"risk.risk_share": [0.01], "risk": {"risk_share": [0.02]}}, ["stands twice"]),
        ({"risk.risk_share": {"choices": [0.01], "when": {"risk.preset": "none"}}}, ["when names no dimension"]),
        ({"risk.risk_share": {"choices": [0.01], "when": "x"}}, ["when cannot be"]),
        ({"risk": {}}, ["risk is empty"]),
    ],
)
def test_a_mistake_is_told_with_its_place(told: dict[str, Any], words: list[str]) -> None:
    """Unknown names with the nearest, forms that contradict themselves or their kind, ends that can never be."""
    with pytest.raises(ConfigError) as caught:
        space_of(told, _BASE, lambda steps: f"<{'/'.join(steps)}> ")
    for word in ["<space/", "[space] ", *words]:
        assert word in str(caught.value)


def test_what_is_declared_by_its_path_stands_for_what_a_preset_says() -> None:
    """A profit target of one's own replaces that of Q88, and all else of the preset stays."""
    preset = _space({"presets": ["q88"]})
    both = _space({"presets": ["q88"], "strategies.my.condor.profit_target": [0.5, 0.6]})
    assert both.names == preset.names
    by_name = {each.name: each for each in both.dimensions}
    mine = by_name["strategies.my.condor.parameters.profit_target"]
    assert isinstance(mine, Varied)
    assert mine.scale.ends() == (0.5, 0.6)


_PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 60), st.floats(), st.sampled_from(["", "a", "10:00", "none", "0.1"])
)
_LIKELY = st.one_of(
    st.fixed_dictionaries(
        {"low": st.sampled_from([0, 0.01, 0.1, 1, 31, "0.1"]), "high": st.sampled_from([0.02, 0.3, 3, 9, 45, "0.5"])},
        optional={"step": st.sampled_from([0.01, 0.1, 1, 2]), "log": st.booleans(), "points": st.integers(1, 4)},
    ),
    st.sampled_from(
        [
            [True, False],
            ["10:00", "11:00"],
            ["none", "hedgefield"],
            ["gaussian", "linear"],
            [15, 20, "25"],
            [[], [[0.0, 1.0]]],
            ["cross", {"name": "mid_plus_fraction", "fraction": 0.5}],
            [{"name": "fixed", "amount": -1}],
            ["SPX", "VIX"],
            [0.1],
            {"simplex": True},
            {"simplex": True, "points": 3},
        ]
    ),
)
_FORMS = st.one_of(
    _LIKELY,
    _LIKELY,
    _PLAIN,
    st.lists(st.one_of(_PLAIN, st.lists(_PLAIN, max_size=2)), max_size=3),
    st.dictionaries(st.sampled_from([*FORM_KEYS, "hgh"]), st.one_of(_PLAIN, st.lists(_PLAIN, max_size=3)), max_size=4),
    st.fixed_dictionaries({"low": _PLAIN, "high": _PLAIN}, optional={"step": _PLAIN, "log": _PLAIN, "points": _PLAIN}),
)
_PATHS = st.sampled_from(
    [
        "strategies.my.condor.at",
        "strategies.my.condor.width",
        "strategies.my.condor.weight",
        "strategies.*.weight",
        "strategies.iron_condor.days",
        "strategies.iron_condor.steps",
        "strategies.iron_condor.hedge.instrument",
        "strategies.iron_condor.fuzzy",
        f"{_CONFIG}.rsi.family",
        f"{_CONFIG}.*.weight",
        f"{_CONFIG}.*.*",
        "risk.preset",
        "risk.betas.SPX",
        "risk.breakers",
        "risk.schedule",
        "portfolio.risk_budgets",
        "portfolio.method",
        "margin.leverage",
        "margin.perpetuals",
        "margin.borrow.SPX",
        "fills.model",
        "fills.slippage.amount",
        "readings.series.vix",
        "readings.calibrations",
        "account.cash",
        "limits.order_burst",
        "*",
        "",
        ".",
        "strategies..x",
    ]
)


@settings(max_examples=200, deadline=None)
@given(_PATHS, _FORMS)
def test_whatever_is_declared_is_a_space_or_a_clear_error(path: str, form: Any) -> None:
    """Any form at any path: a space whose points decode or are refused, or a ConfigError, and nothing else."""
    try:
        space = _space({path: form})
    except ConfigError:
        return
    for place in (0.0, 0.4, 1.0):
        point = space.sampled([place] * space.n_dims)
        assert space.point(point.as_dict()) == point
        with suppress(ConfigError):
            space.settings_at(point, _BASE)
