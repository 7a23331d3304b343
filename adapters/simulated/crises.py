"""Named scenarios: three days that were, and one that is invented, each with the facts that it must meet."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from enum import StrEnum

from adapters.simulated.config import CustomerMix, SimulatedMarketConfig, SimulatedSymbol, demo_config
from adapters.simulated.dynamics import index_variance
from adapters.simulated.groups import CustomerGroup
from adapters.simulated.jumps import JumpDynamics
from adapters.simulated.scenarios import Fact, FactKind, FlowSurge, Scenario, Waypoint
from adapters.simulated.seasonality import Seasonality
from market.calendars import session_on

__all__ = ["ScenarioName", "scenario_config"]

_MONTH = 30.0 / 365.0
_SPX, _CBOE = "SPX daily history", "Cboe index history"
_RETURN, _AT_THE_MINUTE = 0.005, 4.0


class ScenarioName(StrEnum):
    """The scenarios that `scenario_config` knows."""

    VOLATILITY_EXPLOSION = "volatility-explosion-2018-02-05"
    PANDEMIC = "pandemic-2020-03-16"
    FLASH_CRASH = "flash-crash-2010-05-06"
    SAME_DAY_SQUEEZE = "same-day-squeeze"  # invented: no published day stands behind it


# Minute, return from the previous close, and index of 30 days on the way. Opens, highs, lows and closes are the SPX's;
# full hours are SPY's, relative to its own previous close. Indices between the published open and close are drawn by
# hand along the price, as no minutes of them are at hand.
_VOLATILITY_EXPLOSION = (
    (0.0, -0.00763, 0.1844),
    (30.0, -0.0055, 0.178),
    (88.0, 0.00046, 0.1685),
    (150.0, -0.0036, 0.18),
    (210.0, -0.0085, 0.195),
    (270.0, -0.0105, 0.205),
    (330.0, -0.0257, 0.26),
    (341.0, -0.04488, 0.36),
    (360.0, -0.031, 0.31),
    (388.0, -0.0440, 0.373),
    (390.0, -0.04098, 0.3732),
)
_PANDEMIC = (
    (0.0, -0.07467, 0.5783),
    (15.0, -0.1000, 0.70),
    (30.0, -0.0935, 0.71),
    (90.0, -0.0744, 0.66),
    (140.0, -0.05461, 0.63),
    (150.0, -0.062, 0.64),
    (210.0, -0.081, 0.69),
    (270.0, -0.0876, 0.71),
    (330.0, -0.0805, 0.69),
    (384.0, -0.12175, 0.83),
    (390.0, -0.11984, 0.8269),
)
_FLASH_CRASH = (
    (0.0, -0.00128, 0.2588),
    (30.0, -0.0005, 0.25),
    (45.0, 0.00147, 0.2443),
    (90.0, -0.0068, 0.26),
    (150.0, -0.0098, 0.265),
    (210.0, -0.0097, 0.265),
    (270.0, -0.0182, 0.285),
    (300.0, -0.0300, 0.31),
    (312.0, -0.0450, 0.34),
    (317.0, -0.08584, 0.4071),
    (320.0, -0.0650, 0.39),
    (330.0, -0.0431, 0.36),
    (350.0, -0.0250, 0.32),
    (390.0, -0.03235, 0.3280),
)


def scenario_config(name: ScenarioName, *, seed: int = 7, step_s: float = 60.0) -> SimulatedMarketConfig:
    """Return a market of one symbol, ``SIM.SPX``, that opens on the day of a scenario.

    Parameters
    ----------
    name : ScenarioName
        Which.
    seed : int
        Seed: what happens between the waypoints.
    step_s : float
        Seconds of trading between batches.

    Returns
    -------
    SimulatedMarketConfig
        Its `scenario` holds the facts that the session is held to; they are tested for one seed.
    """
    scenario, symbol = _RECIPES[name]()
    opened = session_on("NYSE", scenario.day)
    if opened is None:
        raise AssertionError("scenarios are dated on sessions")
    spot = scenario.previous_close
    if scenario.waypoints:
        spot *= 1.0 + scenario.waypoints[0].price_return
    return SimulatedMarketConfig(
        symbols=(replace(symbol, spot=spot),),
        seed=seed,
        step_s=step_s,
        start_ns=opened.open_ns,
        seasonality=Seasonality(),
        scenario=scenario,
    )


def _symbol(volatility: float, dynamics: JumpDynamics, *, rate: float, **changes: float) -> SimulatedSymbol:
    # Traders follow the news at once and keep near the value: the day's published path is the value's.
    led = {"news_share": 0.95, "informed_half_life_s": 60.0, "noise_share": 0.15, "vol_of_vol": 1.0, **changes}
    base = demo_config().symbols[0]
    return replace(base, volatility=volatility, dynamics=dynamics, rate=rate, dividend_yield=0.018, **led)  # type: ignore[arg-type]  # every changed setting is a float


def _waypoints(
    path: tuple[tuple[float, float, float], ...], volatility: float, dynamics: JumpDynamics
) -> tuple[Waypoint, ...]:
    intercept, slope = index_variance(dynamics, volatility, _MONTH)
    return tuple(
        Waypoint(minute=minute, price_return=change, variance=max((index**2 - intercept) / slope, 0.004))
        for minute, change, index in path
    )


def _day_facts(opened: float, high: float, low: float, close: float) -> tuple[Fact, ...]:
    values = {FactKind.OPEN: opened, FactKind.HIGH: high, FactKind.LOW: low, FactKind.CLOSE: close}
    return tuple(Fact(kind=kind, value=value, tolerance=_RETURN, source=_SPX) for kind, value in values.items())


def _index_facts(values: dict[FactKind, float], share: float) -> tuple[Fact, ...]:
    return tuple(Fact(kind=kind, value=value, tolerance=share * value, source=_CBOE) for kind, value in values.items())


def _volatility_explosion() -> tuple[Scenario, SimulatedSymbol]:
    # A variance that reverts within days: nine days at 59, thirty at 37 and ninety at 28 allow nothing slower.
    volatility = 0.165
    dynamics = JumpDynamics(
        reversion=100.0,
        vol_of_variance=3.0,
        jumps_per_year=1.0,
        jump_mean=-0.03,
        jump_deviation=0.03,
        variance_jump=0.1,
    )
    indices = {FactKind.VOLATILITY_9D: 0.5934, FactKind.VOLATILITY_30D: 0.3732, FactKind.VOLATILITY_93D: 0.2813}
    scenario = Scenario(
        name=ScenarioName.VOLATILITY_EXPLOSION,
        day=date(2018, 2, 5),
        previous_close=2_762.13,
        waypoints=_waypoints(_VOLATILITY_EXPLOSION, volatility, dynamics),
        floor=-0.04488,
        ceiling=0.00046,
        facts=(
            *_day_facts(-0.00763, 0.00046, -0.04488, -0.04098),
            *_index_facts(indices, 0.12),
            *_index_facts({FactKind.VOLATILITY_30D_OPEN: 0.1844}, 0.12),
        ),
    )
    return scenario, _symbol(volatility, dynamics, rate=0.0145)


def _pandemic() -> tuple[Scenario, SimulatedSymbol]:
    volatility = 0.574
    dynamics = JumpDynamics(
        reversion=47.7, vol_of_variance=4.0, jumps_per_year=3.0, jump_mean=-0.05, jump_deviation=0.04, variance_jump=0.1
    )
    indices = {FactKind.VOLATILITY_9D: 1.0666, FactKind.VOLATILITY_30D: 0.8269, FactKind.VOLATILITY_93D: 0.6770}
    scenario = Scenario(
        name=ScenarioName.PANDEMIC,
        day=date(2020, 3, 16),
        previous_close=2_711.02,
        waypoints=_waypoints(_PANDEMIC, volatility, dynamics),
        floor=-0.12175,
        ceiling=-0.05461,
        facts=(
            *_day_facts(-0.07467, -0.05461, -0.12175, -0.11984),
            *_index_facts(indices, 0.12),
            *_index_facts({FactKind.VOLATILITY_30D_OPEN: 0.5783}, 0.12),
        ),
    )
    return scenario, _symbol(volatility, dynamics, rate=0.0025)


def _flash_crash() -> tuple[Scenario, SimulatedSymbol]:
    volatility = 0.288
    dynamics = JumpDynamics(reversion=11.0, vol_of_variance=1.5, jumps_per_year=2.0)
    scenario = Scenario(
        name=ScenarioName.FLASH_CRASH,
        day=date(2010, 5, 6),
        previous_close=1_165.87,
        waypoints=_waypoints(_FLASH_CRASH, volatility, dynamics),
        floor=-0.08584,
        ceiling=0.00147,
        facts=(
            *_day_facts(-0.00128, 0.00147, -0.08584, -0.03235),
            Fact(
                kind=FactKind.LOW_MINUTE,
                value=317.0,
                tolerance=_AT_THE_MINUTE,
                source="report of the US regulators on the day: lows at 14:45 to 14:47",
            ),
            *_index_facts({FactKind.VOLATILITY_30D: 0.3280, FactKind.VOLATILITY_30D_OPEN: 0.2588}, 0.12),
        ),
    )
    return scenario, _symbol(volatility, dynamics, rate=0.002)


def _same_day_squeeze() -> tuple[Scenario, SimulatedSymbol]:
    scenario = Scenario(
        name=ScenarioName.SAME_DAY_SQUEEZE,
        day=date(2025, 6, 6),
        previous_close=5_900.0,
        surges=(
            FlowSurge(
                group=CustomerGroup.SPECULATOR, first_minute=180.0, last_minute=390.0, multiple=300.0, same_day=True
            ),
        ),
        facts=(
            Fact(kind=FactKind.LAST_HOUR_AMPLIFICATION, value=1.9, tolerance=0.6),
            Fact(kind=FactKind.SAME_DAY_VOLUME_SHARE, value=0.6, tolerance=0.15),
        ),
    )
    base = demo_config().symbols[0]
    buyers = CustomerMix(overwriter=0.12, hedger=0.28, speculator=0.30, noise_buyer=0.16, noise_seller=0.14)
    return scenario, replace(base, dynamics=JumpDynamics(), customers=buyers, impact_return_per_usd=1.3e-14)


_RECIPES = {
    ScenarioName.VOLATILITY_EXPLOSION: _volatility_explosion,
    ScenarioName.PANDEMIC: _pandemic,
    ScenarioName.FLASH_CRASH: _flash_crash,
    ScenarioName.SAME_DAY_SQUEEZE: _same_day_squeeze,
}
