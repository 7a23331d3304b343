"""The strategies by name, with what each takes: a configuration is plain data, and every part of it is checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import time
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final

from market.errors import ConfigError
from market.tradables import Future, Perpetual, Share
from strategies.buy_and_hold import BuyAndHold
from strategies.iron_condor import IronCondor
from strategies.moving_average import MovingAverageCross
from strategies.noop import Noop
from strategies.views import Strategy
from strategies.zero_dte_condor import ZeroDteCondor
from strategies.zero_dte_straddle import ZeroDteStraddle

__all__ = ["CATALOGUE", "Parameter", "parameters_of", "strategy_of"]

Tradable = Share | Perpetual | Future

CATALOGUE: Final[Mapping[str, Callable[..., Strategy]]] = MappingProxyType(
    {
        "buy_and_hold": BuyAndHold,
        "iron_condor": IronCondor,
        "moving_average": MovingAverageCross,
        "noop": Noop,
        "zero_dte_condor": ZeroDteCondor,
        "zero_dte_straddle": ZeroDteStraddle,
    }
)
"""Class of each strategy by its name in a configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a strategy, as a configuration writes it.

    Parameters
    ----------
    name : str
        Key.
    kind : str
        ``float``, ``int``, ``bool``, ``str``, ``Decimal``, ``time``, or ``instrument`` for the symbol of one.
    default : object
        What it is where it is left out; None where it must be given.
    """

    name: str
    kind: str
    default: object


def parameters_of(name: str) -> tuple[Parameter, ...]:
    """Return the parameters of a strategy.

    Parameters
    ----------
    name : str
        As in `CATALOGUE`.

    Returns
    -------
    tuple of Parameter
        In the order of its class.

    Raises
    ------
    ConfigError
        There is no such strategy.
    """
    found = []
    for item in fields(_class_of(name)):  # type: ignore[arg-type]  # every class of the catalogue is a dataclass
        if item.init:
            kind = "instrument" if item.name == "instrument" else str(item.type)
            found.append(
                Parameter(name=item.name, kind=kind, default=None if item.default is MISSING else item.default)
            )
    return tuple(found)


def strategy_of(name: str, parameters: Mapping[str, object], instruments: Iterable[Tradable] = ()) -> Strategy:
    """Return a strategy from plain data.

    Parameters
    ----------
    name : str
        As in `CATALOGUE`.
    parameters : mapping of str to object
        Numbers, booleans and texts; times as ``"10:00"``, exact numbers as text or whole numbers, an instrument by its
        symbol.
    instruments : iterable of Share, Perpetual or Future, optional
        What may be named; without any, a symbol is a share of cents and dollars.

    Returns
    -------
    Strategy
        Checked: each value by its kind, then all of them together by the strategy.

    Raises
    ------
    ConfigError
        There is no such strategy, a key is unknown or missing, or a value cannot be.
    """
    known = {parameter.name: parameter for parameter in parameters_of(name)}
    for key in parameters:
        if key not in known:
            raise _unknown(f"strategy {name} has no parameter", str(key), list(known))
    missing = [key for key, each in known.items() if each.default is None and key not in parameters]
    if missing:
        raise ConfigError(f"strategy {name} lacks a parameter", found=str(sorted(parameters)), expected=missing[0])
    tradable = {instrument.symbol: instrument for instrument in instruments}
    values = {key: _value(name, known[key], value, tradable) for key, value in parameters.items()}
    return _class_of(name)(**values)


def _class_of(name: str) -> Callable[..., Strategy]:
    found = CATALOGUE.get(name)
    if found is None:
        raise _unknown("there is no strategy", name, list(CATALOGUE))
    return found


def _unknown(what: str, found: str, known: list[str]) -> ConfigError:
    near = get_close_matches(found, known, n=1)
    action = f"did you mean {near[0]}?" if near else ""
    return ConfigError(what, found=found, expected=f"one of {', '.join(sorted(known))}", action=action)


def _value(name: str, parameter: Parameter, value: object, instruments: Mapping[str, Tradable]) -> object:
    try:
        return _KINDS[parameter.kind](value, instruments)
    except (TypeError, ValueError, InvalidOperation) as error:
        raise ConfigError(
            f"strategy {name}: {parameter.name} cannot be",
            found=repr(value),
            expected=_EXPECTED[parameter.kind],
            action=str(error) if isinstance(error, ValueError) else "",
        ) from error


def _instrument(value: object, instruments: Mapping[str, Tradable]) -> Tradable:
    symbol = _text(value, instruments)
    if not instruments:
        return Share(symbol=symbol)
    if symbol not in instruments:
        raise ValueError(f"the data have {', '.join(sorted(instruments))}")
    return instruments[symbol]


def _number(value: object, _instruments: Mapping[str, Tradable]) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124  # NaN
        raise TypeError
    return float(value)


def _whole(value: object, _instruments: Mapping[str, Tradable]) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    return value


def _flag(value: object, _instruments: Mapping[str, Tradable]) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _text(value: object, _instruments: Mapping[str, Tradable]) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError
    return value


def _exact(value: object, _instruments: Mapping[str, Tradable]) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise TypeError
    found = Decimal(value)
    if not found.is_finite():
        raise TypeError
    return found


def _wall_time(value: object, _instruments: Mapping[str, Tradable]) -> time:
    return value if isinstance(value, time) else time.fromisoformat(_text(value, _instruments))


_KINDS: Final[Mapping[str, Callable[[object, Mapping[str, Tradable]], Any]]] = {
    "float": _number,
    "int": _whole,
    "bool": _flag,
    "str": _text,
    "Decimal": _exact,
    "time": _wall_time,
    "instrument": _instrument,
}
_EXPECTED: Final[Mapping[str, str]] = {
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "str": "a text",
    "Decimal": "a whole number, or an exact one as text",
    "time": 'a wall time such as "10:00"',
    "instrument": "the symbol of an instrument of the data",
}
