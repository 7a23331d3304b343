"""Simulated markets by name, at any pace, and under the names of listed symbols for an emulated venue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from adapters.simulated.config import SimulatedMarketConfig, SimulatedSymbol, demo_config, realistic_config
from adapters.simulated.crises import ScenarioName, scenario_config
from market.errors import ConfigError
from market.instruments import Delivery, ExerciseStyle, Product, SettlementTime, product_of

__all__ = ["MARKET_NAMES", "listed_as", "named_market"]

_SCENARIOS: Final = {
    "feb-2018": ScenarioName.VOLATILITY_EXPLOSION,
    "mar-2020": ScenarioName.PANDEMIC,
    "flash-crash": ScenarioName.FLASH_CRASH,
    "same-day-squeeze": ScenarioName.SAME_DAY_SQUEEZE,
}
_OTHERS: Final[dict[str, Callable[[int], SimulatedMarketConfig]]] = {
    "demo": lambda seed: demo_config(seed=seed),
    "calm": lambda seed: realistic_config(seed=seed),
}
MARKET_NAMES: Final = (*_OTHERS, *_SCENARIOS)
"""What `named_market` knows."""

# The root whose options settle at the close, as the simulator's do.
_CLOSING_ROOT: Final = {"SPX": "SPXW", "NDX": "NDXP", "RUT": "RUTW"}


def named_market(
    name: str, *, seed: int = 7, interval_s: float = 1.0, speed: float | None = None
) -> SimulatedMarketConfig:
    """Return a simulated market by its name.

    Parameters
    ----------
    name : str
        One of `MARKET_NAMES`: the demo of four symbols, a calm day with a realistic smile, or a crisis.
    seed : int
        Seed.
    interval_s : float
        Machine time between batches, seconds.
    speed : float, optional
        Seconds of trading per second of the machine; as the market has it where it is not given.

    Returns
    -------
    SimulatedMarketConfig
        Raises ConfigError for a name that is not known, and for a speed without an interval.
    """
    if name in _SCENARIOS:
        found = scenario_config(_SCENARIOS[name], seed=seed)
    elif name in _OTHERS:
        found = _OTHERS[name](seed)
    else:
        raise ConfigError("there is no such simulated market", found=name, expected=", ".join(MARKET_NAMES))
    if speed is None:
        return replace(found, interval_s=interval_s)
    if not interval_s > 0.0:
        raise ConfigError("a speed needs time between batches", found=f"interval {interval_s:g} s", expected="> 0")
    return replace(found, interval_s=interval_s, step_s=speed * interval_s)


def listed_as(market: SimulatedMarketConfig, names: Sequence[str]) -> SimulatedMarketConfig:
    """Return a market whose symbols bear the names of listed ones, for venues that know no others.

    Parameters
    ----------
    market : SimulatedMarketConfig
        The market; ``SIM.SPX`` lends its settings to ``SPX``, and a name that nobody stands for gets those of another.
    names : sequence of str
        Names, such as ``SPY``.

    Returns
    -------
    SimulatedMarketConfig
        Options are European and end at the close whatever the listed ones do: that is what the simulator values.
    """
    known = {item.symbol.removeprefix("SIM."): item for item in market.symbols}
    spare = known.get("QQQ", market.symbols[0])
    symbols = tuple(_renamed(known.get(name, spare), name) for name in dict.fromkeys(names))
    return replace(market, symbols=symbols)


def _renamed(symbol: SimulatedSymbol, name: str) -> SimulatedSymbol:
    return replace(symbol, symbol=name, product=_terms(name))


def _terms(name: str) -> Product:
    listed = product_of(_CLOSING_ROOT.get(name, name))
    if listed.settlement is not SettlementTime.PM:
        raise ConfigError(
            "the simulator has no such options", found=f"{name}, settled {listed.settlement.value}", expected="a close"
        )
    return replace(listed, underlying=name, exercise=ExerciseStyle.EUROPEAN, delivery=Delivery.CASH)
