"""The strategies by name or class, with what each takes: a configuration is plain data, every part of it checked."""

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
from strategies.moving_average import MovingAverageCross
from strategies.noop import Noop
from strategies.structures.iron_condor import IronCondor
from strategies.structures.zero_dte_condor import ZeroDteCondor
from strategies.structures.zero_dte_straddle import ZeroDteStraddle
from strategies.views import Strategy

__all__ = ["CATALOGUE", "Parameter", "parameters_of", "strategy_of"]

Tradable = Share | Perpetual | Future
_Tradables = Mapping[str, Tradable] | None

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
    is_required : bool
        Whether it must be given.
    """

    name: str
    kind: str
    default: object
    is_required: bool


def parameters_of(wanted: str | Callable[..., Strategy]) -> tuple[Parameter, ...]:
    """Return the parameters of a strategy.

    Parameters
    ----------
    wanted : str or class
        A name of `CATALOGUE`, or a dataclass that stands in no catalogue.

    Returns
    -------
    tuple of Parameter
        In the order of its class.

    Raises
    ------
    ConfigError
        There is no such strategy.
    """
    found = [item for item in fields(_class_of(wanted)) if item.init]  # type: ignore[arg-type]  # all are dataclasses
    return tuple(
        Parameter(
            name=item.name,
            kind="instrument" if item.name == "instrument" else _kind_of(item.type),
            default=None if item.default is MISSING else item.default,
            is_required=item.default is MISSING and item.default_factory is MISSING,
        )
        for item in found
    )


def _kind_of(annotation: object) -> str:
    told = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    return told.removesuffix(" | None")


def strategy_of(
    wanted: str | Callable[..., Strategy],
    parameters: Mapping[str, object],
    instruments: Iterable[Tradable] | None = None,
) -> Strategy:
    """Return a strategy from plain data.

    Parameters
    ----------
    wanted : str or class
        A name of `CATALOGUE`, or a dataclass that stands in no catalogue.
    parameters : mapping of str to object
        Numbers, booleans and texts; times as ``"10:00"``, exact numbers as text or whole numbers, an instrument by its
        symbol.
    instruments : iterable of Share, Perpetual or Future, optional
        What may be named; where it is left out, a symbol is taken for a share of cents and dollars.

    Returns
    -------
    Strategy
        Checked: each value by its kind, then all of them together by the strategy.

    Raises
    ------
    ConfigError
        There is no such strategy, a key is unknown or missing, or a value cannot be.
    """
    kind = _class_of(wanted)
    name = wanted if isinstance(wanted, str) else str(getattr(kind, "__name__", kind))
    known = {parameter.name: parameter for parameter in parameters_of(kind)}
    for key in parameters:
        if key not in known:
            raise _unknown(f"strategy {name} has no parameter", str(key), list(known))
    missing = [key for key, each in known.items() if each.is_required and key not in parameters]
    if missing:
        raise ConfigError(f"strategy {name} lacks a parameter", found=str(sorted(parameters)), expected=missing[0])
    tradable = None if instruments is None else {instrument.symbol: instrument for instrument in instruments}
    values = {key: _value(name, known[key], value, tradable) for key, value in parameters.items()}
    return kind(**values)


def _class_of(wanted: str | Callable[..., Strategy]) -> Callable[..., Strategy]:
    if not isinstance(wanted, str):
        return wanted
    found = CATALOGUE.get(wanted)
    if found is None:
        raise _unknown("there is no strategy", wanted, list(CATALOGUE))
    return found


def _unknown(what: str, found: str, known: list[str]) -> ConfigError:
    near = get_close_matches(found, known, n=1)
    action = f"did you mean {near[0]}?" if near else ""
    return ConfigError(what, found=found, expected=f"one of {', '.join(sorted(known))}", action=action)


def _value(name: str, parameter: Parameter, value: object, instruments: _Tradables) -> object:
    if parameter.kind not in _KINDS:
        raise ConfigError(
            f"strategy {name}: {parameter.name} cannot be given in a configuration",
            found=f"a parameter of type {parameter.kind}",
            expected=f"one of {', '.join(_KINDS)}",
        )
    try:
        return _KINDS[parameter.kind](value, instruments)
    except (TypeError, ValueError, InvalidOperation) as error:
        raise ConfigError(
            f"strategy {name}: {parameter.name} cannot be",
            found=repr(value),
            expected=_EXPECTED[parameter.kind],
            action=str(error) if isinstance(error, ValueError) else "",
        ) from error


def _instrument(value: object, instruments: _Tradables) -> Tradable:
    symbol = _text(value, instruments)
    if instruments is None:
        return Share(symbol=symbol)
    if symbol not in instruments:
        raise ValueError(f"of the data may be traded: {', '.join(sorted(instruments)) or 'options only'}")
    return instruments[symbol]


def _number(value: object, _instruments: _Tradables) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124  # NaN
        raise TypeError
    return float(value)


def _whole(value: object, _instruments: _Tradables) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    return value


def _flag(value: object, _instruments: _Tradables) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _text(value: object, _instruments: _Tradables) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError
    return value


def _exact(value: object, _instruments: _Tradables) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise TypeError
    found = Decimal(value)
    if not found.is_finite():
        raise TypeError
    return found


def _wall_time(value: object, _instruments: _Tradables) -> time:
    return value if isinstance(value, time) else time.fromisoformat(_text(value, _instruments))


_KINDS: Final[Mapping[str, Callable[[object, _Tradables], Any]]] = {
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
