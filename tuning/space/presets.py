"""Spaces by name, as data: what of them a strategy really has is varied, and what finds nothing is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from cluster.backtest_settings import BacktestSettings
from cluster.backtests.reading import nearest_name
from market.errors import ConfigError
from tuning.space.memberships import membership_forms
from tuning.space.targets import Target, target_of

__all__ = ["PRESETS", "PresetRow", "preset_forms", "rows_found"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PresetRow:
    """One line of a preset.

    Parameters
    ----------
    label : str
        What it varies.
    paths : tuple of str
        Where that may stand in the parameters of a strategy; every one that is there is varied. Those that begin with
        a slash stand in the configuration itself.
    form : mapping of str to object
        How it is varied, as a sweep declares it; ``around = (low, high)`` are multiples of what the base tells,
        ``memberships = true`` the numbers of the membership functions that are read.
    only : mapping of str to tuple of object
        Values that other parameters of the strategy must have for the line to mean anything, by path; where a path
        does not exist, nothing is asked.
    beside : tuple of str
        Of these parameters a strategy of the run must have one, with a value that is not false; nothing is asked
        without.
    """

    label: str
    paths: tuple[str, ...]
    form: Mapping[str, Any]
    only: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    beside: tuple[str, ...] = ()


_DAY_S: Final = 86_400.0
_Only = dict[str, tuple[Any, ...]]
_CREDIT: Final[_Only] = {"entry.premium": ("credit", "either")}
_BOUNDED: Final[_Only] = {"allows_undefined_risk": ()}  # without a width there is no share of it
_WEEKS_OUT: Final[_Only] = {"windows": ()}  # what trades the day's own expiration is not held for days

_Q88: Final = (
    PresetRow(
        label="profit target",
        paths=("profit_target", "exits.profit_target", "terms.condor_exits.profit_target"),
        form={"low": 0.40, "high": 0.95, "points": 5},
    ),
    PresetRow(
        label="stop, multiples of the credit",
        paths=("stop_multiple", "exits.stop_multiple", "terms.condor_exits.stop_multiple"),
        form={"low": 1.0, "high": 3.0, "points": 5},
        only=_CREDIT,
    ),
    PresetRow(
        label="longest hold, seconds",
        paths=("exits.max_hold_s", "terms.condor_exits.max_hold_s"),
        form={"choices": [days * _DAY_S for days in (10, 14, 21, 30)]},
        only=_WEEKS_OUT,
    ),
    PresetRow(
        label="risk of a trade, share of the equity",
        paths=("risk_share", "size.risk_share"),
        form={"low": 0.01, "high": 0.03, "points": 3},
    ),
    PresetRow(
        label="low delta",
        paths=("penalty.low", "terms.wide.short_delta"),
        form={"low": 0.10, "high": 0.15, "points": 3},
    ),
    PresetRow(
        label="high delta",
        paths=("penalty.high", "terms.narrow.short_delta"),
        form={"low": 0.20, "high": 0.30, "points": 3},
    ),
    PresetRow(
        label="sold delta, where it is one number",
        paths=("short_delta", "delta"),
        form={"low": 0.10, "high": 0.30, "points": 5},
        only=_CREDIT,
    ),
    PresetRow(
        label="wing, points",
        paths=("width",),
        form={"choices": [5.0, 10.0]},
        only=_CREDIT,
    ),
    PresetRow(
        label="credit to width",
        paths=("min_credit_share", "entry.min_credit_share"),
        form={"low": 0.10, "high": 0.20, "points": 3},
        only=_CREDIT | _BOUNDED,
    ),
    PresetRow(
        label="least rank of implied volatility",
        paths=("min_iv_rank", "entry.min_iv_rank"),
        form={"low": 0.0, "high": 0.30, "points": 4},
    ),
    PresetRow(
        label="highest VIX, points",
        paths=("max_volatility_index", "entry.max_volatility_index"),
        form={"choices": [25.0, 30.0, 40.0]},
    ),
)
_RISK_BUDGET: Final = (
    PresetRow(
        label="risk of a trade, share of the equity",
        paths=("risk_share", "size.risk_share", "terms.risk_share"),
        form={"low": 0.0025, "high": 0.04, "log": True, "points": 5},
    ),
    PresetRow(label="shares of the money", paths=("/strategies.*.weight",), form={"simplex": True, "points": 10}),
    PresetRow(
        label="shares of the risk",
        paths=("/portfolio.risk_budgets",),
        form={"simplex": True, "points": 10},
        only={"/portfolio.method": ("risk_parity",)},
    ),
)
_READERS: Final = ("reads_field", "terms.min_quality", "fuzzy", "layers")  # of strategies that look at a field
_FIELDS: Final = (
    PresetRow(
        label="what volatility does when spot moves",
        paths=("/readings.field.dynamics",),
        form={"choices": ["sticky_strike", "sticky_moneyness"]},
        beside=_READERS,
    ),
    PresetRow(
        label="whose options dealers are taken to hold",
        paths=("/readings.field.position_source",),
        form={"choices": ["oi_naive", "all_short", "all_long"]},
        beside=_READERS,
    ),
    PresetRow(
        label="clock of time to expiry",
        paths=("/readings.field.time_basis",),
        form={"choices": ["calendar", "trading"]},
        beside=_READERS,
    ),
    PresetRow(
        label="horizon of the shock, minutes",
        paths=("/readings.field.horizon_min",),
        form={"choices": [15.0, 30.0, 60.0]},
        beside=_READERS,
    ),
    PresetRow(
        label="range of the potential, log price",
        paths=("/readings.field.screening_range",),
        form={"choices": [0.005, 0.01, 0.02]},
        beside=_READERS,
    ),
    PresetRow(
        label="price impact, half to double of what is told",
        paths=("/readings.impact.*.return_per_usd",),
        form={"around": (0.5, 2.0), "log": True, "points": 3},
    ),
    PresetRow(
        label="least strength of a signal", paths=("terms.min_strength",), form={"low": 0.0, "high": 3.0, "points": 4}
    ),
    PresetRow(
        label="strength that gives the full size",
        paths=("terms.full_strength",),
        form={"low": 3.5, "high": 8.0, "points": 4},
    ),
    PresetRow(
        label="least quality of a field", paths=("terms.min_quality",), form={"low": 0.1, "high": 0.7, "points": 4}
    ),
    PresetRow(
        label="least calibrated confidence",
        paths=("terms.min_confidence",),
        form={"low": 0.5, "high": 0.7, "points": 3},
    ),
    PresetRow(
        label="oldest signal, seconds", paths=("terms.max_signal_age_s",), form={"choices": [300.0, 600.0, 1_800.0]}
    ),
    PresetRow(label="stop, in its unit", paths=("terms.stop_distance",), form={"low": 0.5, "high": 3.0, "points": 5}),
    PresetRow(label="whether the field is read", paths=("reads_field",), form={"choices": [True, False]}),
)
_SELECTOR: Final = (
    PresetRow(
        label="VIX below which a calendar is traded",
        paths=("selector.calendar_vix",),
        form={"low": 10.0, "high": 18.0, "points": 5},
        only={"selector.enable_calendar_spreads": (True,)},
    ),
    PresetRow(
        label="rank of implied volatility below which it is",
        paths=("selector.calendar_iv_rank",),
        form={"low": 0.1, "high": 0.5, "points": 5},
        only={"selector.enable_calendar_spreads": (True,)},
    ),
    PresetRow(
        label="SKEW from which a broken wing is traded",
        paths=("selector.bwb_skew_threshold",),
        form={"low": 120.0, "high": 155.0, "points": 5},
        only={"selector.enable_broken_wing": (True,)},
    ),
    PresetRow(
        label="what a quiet range trades else",
        paths=("selector.low_vol_fallback",),
        form={"choices": ["stand_aside", "wide_condor", "narrow_condor"]},
    ),
    PresetRow(
        label="what a trend trades else",
        paths=("selector.trend_fallback",),
        form={"choices": ["stand_aside", "wide_condor", "narrow_condor"]},
    ),
)

PRESETS: Final[Mapping[str, tuple[PresetRow, ...]]] = MappingProxyType(
    {
        "q88": _Q88,
        "fuzzy_weights": (
            PresetRow(
                label="weights of the ten factors", paths=("fuzzy.config",), form={"simplex": True, "points": 12}
            ),
        ),
        "fuzzy_memberships": (
            PresetRow(label="centres and widths", paths=("fuzzy.config",), form={"memberships": True, "points": 3}),
        ),
        "risk_budget": _RISK_BUDGET,
        "fields": _FIELDS,
        "selector": _SELECTOR,
    }
)
"""Lines of each preset by its name."""


def preset_forms(name: str, base: BacktestSettings) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """Return the dimensions of a preset, as a sweep would declare them.

    Parameters
    ----------
    name : str
        Of `PRESETS`.
    base : BacktestSettings
        The configuration that is varied.

    Returns
    -------
    tuple of (str, mapping)
        Path and form of each.

    Raises
    ------
    ConfigError
        There is no such preset, or nothing of it stands in the configuration.
    """
    if name not in PRESETS:
        raise ConfigError("there is no preset", found=name, expected=nearest_name(name, tuple(PRESETS)))
    found = [form for _, forms in rows_found(name, base) for form in forms]
    if not found:
        labels = "; ".join(row.label for row in PRESETS[name])
        kinds = ", ".join(item.kind for item in base.strategies)
        action = "see docs/sweeps/space.md for what each strategy has"
        what = f"the preset {name} finds nothing to vary"
        raise ConfigError(what, found=kinds, expected=f"a strategy with {labels}", action=action)
    return tuple(found)


def rows_found(
    name: str, base: BacktestSettings
) -> tuple[tuple[PresetRow, tuple[tuple[str, Mapping[str, Any]], ...]], ...]:
    """Return each line of a preset with what it finds in a configuration; nothing for what is lacking there."""
    return tuple((row, tuple(_row(row, base))) for row in PRESETS[name])


def _row(row: PresetRow, base: BacktestSettings) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if row.beside and not any(_is_read(path, item.called, base) for item in base.strategies for path in row.beside):
        return
    own = [path for path in row.paths if not path.startswith("/")]
    scopes = [(f"strategies.{item.called}.parameters.", own) for item in base.strategies]
    for scope, paths in [*scopes, ("", [path for path in row.paths if path.startswith("/")])]:
        if all(_is_one_of(path, wanted, scope, base) for path, wanted in row.only.items()):
            for path in paths:
                yield from _at(f"{scope}{path.removeprefix('/')}", row.form, base)


def _target(path: str, base: BacktestSettings) -> Target | None:
    try:
        return target_of(path, base)
    except ConfigError:
        return None  # a preset looks whether it is there


def _is_read(path: str, strategy: str, base: BacktestSettings) -> bool:
    found = _target(f"strategies.{strategy}.parameters.{path}", base)
    return found is not None and (found.held not in {None, False} if found.kind != "table" else found.is_told)


def _is_one_of(path: str, wanted: tuple[Any, ...], scope: str, base: BacktestSettings) -> bool:
    found = _target(path[1:] if path.startswith("/") else f"{scope}{path}", base)
    return found is None or found.held in wanted


def _at(path: str, form: Mapping[str, Any], base: BacktestSettings) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what a line varies at a path, if anything."""
    if "simplex" in form and "*" in path:
        if len(base.strategies) > 1 and all(item.weight is not None for item in base.strategies):
            yield path, form
        return
    if "around" in form:
        yield from _around(path, form, base)
        return
    found = _target(path, base)
    if found is None or not found.exists:
        return
    if "memberships" in form:
        if found.inner:
            yield from membership_forms(path, form["points"], base)
    elif "simplex" not in form or found.kind == "table" or len(base.strategies) > 1:
        yield path, form


def _around(path: str, form: Mapping[str, Any], base: BacktestSettings) -> Iterator[tuple[str, Mapping[str, Any]]]:
    head, _, tail = path.partition(".*.")
    parent = _target(head, base)
    low, high = form["around"]
    others = {key: each for key, each in form.items() if key != "around"}
    for name in () if parent is None else parent.inner:
        found = _target(f"{head}.{name}.{tail}", base)
        if found is not None and isinstance(found.held, float):
            yield found.name, {"low": found.held * low, "high": found.held * high, **others}
