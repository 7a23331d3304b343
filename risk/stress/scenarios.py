"""Named scenarios as data: joint moves of prices and volatility, with the rule behind every number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import inf, isfinite, nan
from typing import Final

from market.errors import ConfigError
from risk.stress.revaluation import TermRule

__all__ = ["Scenario", "StressConfig", "scenario_of", "standard_scenarios"]

_PER_CENT: Final = 0.01
_POINT: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What happens at once; all zero is no change.

    Parameters
    ----------
    name : str
        What results call it.
    benchmark_return : float
        Simple return of the benchmark; every underlying without a return of its own moves by its beta times this.
    own_returns : tuple of (str, float)
        Simple returns by underlying, in the place of beta times the benchmark's.
    vol_points : float
        Added to every volatility, annualised fraction: 0.10 is ten vol points.
    vol_points_scaled : float
        The same at 30 days, other expirations by the root of their ratio (`TermRule`); NaN where it cannot be told.
    vol_change : float
        Relative change of every volatility, > -1.
    days : float
        Calendar days that go by.
    rate_shift : float
        Parallel, per year.
    is_gap : bool
        The move lies between a close and the next open: nothing can be traded inside it, and no stop helps.
    description : str
        In words, with the rule behind the numbers.
    reason : str
        Why a number cannot be told; empty where all are.

    Raises
    ------
    ConfigError
        A number that cannot be.
    """

    name: str
    benchmark_return: float = 0.0
    own_returns: tuple[tuple[str, float], ...] = ()
    vol_points: float = 0.0
    vol_points_scaled: float = 0.0
    vol_change: float = 0.0
    days: float = 0.0
    rate_shift: float = 0.0
    is_gap: bool = False
    description: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        returns = [self.benchmark_return, *(value for _, value in self.own_returns)]
        if not self.name:
            raise ConfigError("a scenario needs a name", found="none")
        for value in (*returns, self.vol_change):
            if not -1.0 < value < inf:
                raise ConfigError(f"scenario {self.name}: a return cannot be", found=str(value), expected="> -1")
        if not (isfinite(self.vol_points) and isfinite(self.rate_shift) and 0.0 <= self.days < inf):
            raise ConfigError(f"scenario {self.name}: a shock cannot be", expected="finite numbers, days >= 0")
        if not isfinite(self.vol_points_scaled) and not self.reason:
            raise ConfigError(f"scenario {self.name}: a shock is missing and no reason is given")


@dataclass(frozen=True, slots=True, kw_only=True)
class StressConfig:
    """Numbers of the standard scenarios.

    Parameters
    ----------
    crash_return : float
        Flash crash of the benchmark.
    gap_return, up_gap_return : float
        Gaps between close and open.
    vol_points_per_pct_down : float
        30-day vol points that come with each per cent that the benchmark falls.
    vol_points_per_pct_up : float
        The same that go with each per cent that it rises.
    volatility_target : float
        Volatility index of the spike, vol points; where it stands higher already, the spike changes nothing.
    crush_change : float
        Relative fall of every volatility in the crush.
    overnight_days : float
        Calendar days from close to open.
    reference_days, shortest_days : float
        As in `risk.stress.revaluation.TermRule`.

    Raises
    ------
    ConfigError
        A number out of its range.

    Notes
    -----
    From 1995 to 2026 the SPX fell by 3 % or more on 105 days; the VIX rose by 0.69, 1.35 and 2.39 points for each per
    cent (10 %, 50 % and 90 % of those days; 4.88 at most). The default is the 90 % figure: a crash of a tenth comes
    with 24 points. On the 91 days of a rise by 3 % or more the median fall of the VIX is 0.91 points for each per cent.
    The largest fall, 12.0 % on 16 March 2020, came with 24.9 points. A book that is long volatility gains less where it
    lags, so that a crash without any shock of volatility stands beside it.
    """

    crash_return: float = -0.10
    gap_return: float = -0.05
    up_gap_return: float = 0.05
    vol_points_per_pct_down: float = 2.4
    vol_points_per_pct_up: float = 0.9
    volatility_target: float = 50.0
    crush_change: float = -0.30
    overnight_days: float = 17.5 / 24.0
    reference_days: float = 30.0
    shortest_days: float = 7.0

    def __post_init__(self) -> None:
        bounds = {
            "crash_return": (-1.0, 0.0),
            "gap_return": (-1.0, 0.0),
            "up_gap_return": (0.0, 10.0),
            "vol_points_per_pct_down": (-1e-9, 100.0),
            "vol_points_per_pct_up": (-1e-9, 100.0),
            "volatility_target": (0.0, 1000.0),
            "crush_change": (-1.0, 0.0),
            "overnight_days": (-1e-9, 30.0),
            "reference_days": (0.0, 1000.0),
            "shortest_days": (0.0, 1000.0),
        }
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if not low < value < high:
                raise ConfigError(
                    f"stress: {name} cannot be", found=str(value), expected=f"between {low:g} and {high:g}"
                )

    @property
    def terms(self) -> TermRule:
        """The rule of the scaled shocks."""
        return TermRule(reference_days=self.reference_days, shortest_days=self.shortest_days)


_CONFIG: Final = StressConfig()


def standard_scenarios(config: StressConfig = _CONFIG, *, volatility_index: float = nan) -> tuple[Scenario, ...]:
    """Return the scenarios that every book is held against.

    Parameters
    ----------
    config : StressConfig
        Their numbers.
    volatility_index : float
        The VIX now, vol points; NaN where it is not known, which leaves `volatility_to_target` unknown.

    Returns
    -------
    tuple of Scenario
        Flash crash with and without its volatility, volatility to its target, gap down, gap up, vol crush.
    """
    c = config
    rise = c.vol_points_per_pct_down * _POINT / _PER_CENT
    fall = c.vol_points_per_pct_up * _POINT / _PER_CENT
    joint = f"{c.vol_points_per_pct_down:g} vol points of 30 days for each per cent down"
    unknown = "" if isfinite(volatility_index) else "the volatility index of now is not known"
    target = f"{c.volatility_target:g}"
    return (
        Scenario(
            name="flash_crash",
            benchmark_return=c.crash_return,
            vol_points_scaled=-c.crash_return * rise,
            description=f"benchmark {c.crash_return:+.0%}, {joint}",
        ),
        Scenario(
            name="flash_crash_vol_unchanged",
            benchmark_return=c.crash_return,
            description=f"benchmark {c.crash_return:+.0%}, volatility lags",
        ),
        Scenario(
            name=f"vix_to_{target}",
            # Above its target a spike is none: a fall of volatility would bound nothing.
            vol_points_scaled=(c.volatility_target - min(volatility_index, c.volatility_target)) * _POINT,
            description=f"30-day volatility from {volatility_index:.1f} to {target}, others by the root of their ratio",
            reason=unknown,
        ),
        Scenario(
            name="gap_down",
            benchmark_return=c.gap_return,
            vol_points_scaled=-c.gap_return * rise,
            days=c.overnight_days,
            is_gap=True,
            description=f"benchmark {c.gap_return:+.0%} between close and open, {joint}; no stop trades inside it",
        ),
        Scenario(
            name="gap_up",
            benchmark_return=c.up_gap_return,
            vol_points_scaled=-c.up_gap_return * fall,
            days=c.overnight_days,
            is_gap=True,
            description=f"benchmark {c.up_gap_return:+.0%} between close and open, "
            f"{c.vol_points_per_pct_up:g} points less for each per cent up",
        ),
        Scenario(
            name="vol_crush",
            vol_change=c.crush_change,
            days=1.0,
            description=f"every volatility {c.crush_change:+.0%} over one day, price unchanged",
        ),
    )


def scenario_of(name: str, parameters: Mapping[str, object]) -> Scenario:
    """Return a scenario of plain data, as a table of TOML gives it.

    Parameters
    ----------
    name : str
        Its name.
    parameters : mapping of str to object
        Fields of `Scenario`; `own_returns` as a table of returns by underlying.

    Returns
    -------
    Scenario
        Checked.

    Raises
    ------
    ConfigError
        An unknown key, a value of another kind, or a number that cannot be.
    """
    numbers = {item.name for item in fields(Scenario) if item.type == "float"}
    known = numbers | {"own_returns", "is_gap", "description"}
    unknown = sorted(set(parameters) - known)
    if unknown:
        raise ConfigError(
            f"scenario {name} has unknown keys", found=", ".join(unknown), expected=", ".join(sorted(known))
        )
    made: dict[str, object] = {key: _number(name, key, value) for key, value in parameters.items() if key in numbers}
    own = parameters.get("own_returns", {})
    if not isinstance(own, Mapping):
        raise ConfigError(f"scenario {name}: own_returns is a table", found=str(own), expected="{ SPY = -0.1 }")
    made["own_returns"] = tuple((str(key), _number(name, str(key), value)) for key, value in own.items())
    for key, kind in (("is_gap", bool), ("description", str)):
        if key in parameters:
            if not isinstance(parameters[key], kind):
                raise ConfigError(f"scenario {name}: {key} is of another kind", found=str(parameters[key]))
            made[key] = parameters[key]
    return Scenario(name=name, **made)  # type: ignore[arg-type]  # each value was checked above


def _number(name: str, key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ConfigError(f"scenario {name}: {key} is no number", found=repr(value), expected="such as -0.1")
    return float(value)
