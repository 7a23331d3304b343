"""Fill, slippage, spread and cost models by the names of a configuration, built from plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from types import MappingProxyType, UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

from backtest.costs.charges import ContractCommission
from backtest.costs.model import CostModel
from backtest.costs.schedules import NO_COSTS, crypto_perpetuals, us_options_and_shares
from backtest.fills.models import CrossSpread, FillModel, MidPlusFraction, QueuelessLimit
from backtest.fills.slippage import (
    FixedSlippage,
    ImpactSlippage,
    MidSlippage,
    NoSlippage,
    SlippageModel,
    VolumeShareSlippage,
)
from backtest.fills.spreads import BarRangeSpread, ClosingSpread, FixedSpread, RelativeSpread, SpreadModel, TickSpread
from market.errors import ConfigError

__all__ = [
    "COSTS",
    "FILLS",
    "SLIPPAGES",
    "SPREADS",
    "Choice",
    "cost_model",
    "fill_model",
    "slippage_model",
    "spread_model",
]

Choice = str | Mapping[str, Any]
"""A model in a configuration: its name, or a table with the ``name`` and its parameters."""

FILLS: Final[Mapping[str, type[FillModel]]] = MappingProxyType(
    {"cross": CrossSpread, "mid_plus_fraction": MidPlusFraction, "queueless_limit": QueuelessLimit}
)
"""Fill models."""

SLIPPAGES: Final[Mapping[str, type[SlippageModel]]] = MappingProxyType(
    {
        "none": NoSlippage,
        "fixed": FixedSlippage,
        "impact": ImpactSlippage,
        "mid": MidSlippage,
        "volume_share": VolumeShareSlippage,
    }
)
"""Slippage models, per leg."""

SPREADS: Final[Mapping[str, type[SpreadModel]]] = MappingProxyType(
    {
        "fixed": FixedSpread,
        "tick": TickSpread,
        "relative": RelativeSpread,
        "closing": ClosingSpread,
        "bar_range": BarRangeSpread,
    }
)
"""Half spreads around prints and mids, for data without quotes."""


def _us_retail(**rates: Any) -> CostModel:
    return us_options_and_shares((_built("us_retail", ContractCommission, rates),))


def _us_no_commission() -> CostModel:
    return us_options_and_shares(())


def _no_costs() -> CostModel:
    return NO_COSTS


def _perpetuals(*, maker_bps: Decimal, taker_bps: Decimal) -> CostModel:
    return crypto_perpetuals(maker_bps=maker_bps, taker_bps=taker_bps)


COSTS: Final[Mapping[str, Callable[..., CostModel]]] = MappingProxyType(
    {
        "us_retail": _us_retail,
        "us_no_commission": _us_no_commission,
        "perpetuals": _perpetuals,
        "none": _no_costs,
    }
)
"""Cost models."""

_COST_PARAMETERS: Final = {
    "us_retail": ("to_open", "to_close", "most_per_leg"),
    "us_no_commission": (),
    "perpetuals": ("maker_bps", "taker_bps"),
    "none": (),
}

_Model = TypeVar("_Model")


def fill_model(choice: Choice) -> FillModel:
    """Return a fill model of `FILLS`."""
    return _chosen("fill model", FILLS, choice)


def slippage_model(choice: Choice) -> SlippageModel:
    """Return a slippage model of `SLIPPAGES`."""
    return _chosen("slippage model", SLIPPAGES, choice)


def spread_model(choice: Choice) -> SpreadModel:
    """Return a spread model of `SPREADS`."""
    return _chosen("spread model", SPREADS, choice)


def cost_model(choice: Choice) -> CostModel:
    """Return a cost model of `COSTS`."""
    name, told = _split("cost model", choice)
    _known("cost model", name, COSTS)
    for key in told:
        _known(f"parameter of the cost model {name}", key, _COST_PARAMETERS[name])
    if name == "perpetuals":
        missing = [key for key in _COST_PARAMETERS[name] if key not in told]
        if missing:
            raise ConfigError(f"the cost model {name} lacks {missing[0]}", expected="basis points of the notional")
        told = {key: _value(f"{name} {key}", Decimal, value) for key, value in told.items()}
    return COSTS[name](**told)


def _chosen(what: str, known: Mapping[str, type[_Model]], choice: Choice) -> _Model:
    name, told = _split(what, choice)
    _known(what, name, known)
    return _built(name, known[name], told)


def _split(what: str, choice: Choice) -> tuple[str, dict[str, Any]]:
    if isinstance(choice, str):
        return choice, {}
    told = dict(choice)
    name = told.pop("name", None)
    if not isinstance(name, str):
        raise ConfigError(f"a {what} has no name", found=str(dict(choice)), expected='a table such as { name = "..." }')
    return name, told


def _known(what: str, name: str, known: Any) -> None:
    if name not in known:
        near = get_close_matches(name, list(known), n=1)
        among = f"one of {', '.join(sorted(known))}" if known else "none"
        raise ConfigError(f"there is no {what} {name}", expected=f"{near[0]}?" if near else among)


def _built(name: str, kind: type[_Model], told: Mapping[str, Any]) -> _Model:
    hints = get_type_hints(kind)
    parameters = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]  # all are dataclasses
    for key in told:
        _known(f"parameter of {name}", key, parameters)
    for key, field in parameters.items():
        if key not in told and field.default is MISSING and field.default_factory is MISSING:
            raise ConfigError(f"{name} lacks its parameter {key}")
    return kind(**{key: _value(f"{name} {key}", hints[key], value) for key, value in told.items()})


def _value(what: str, hint: Any, value: Any) -> Any:
    if get_origin(hint) in {UnionType, Union}:
        hint = next(part for part in get_args(hint) if part is not type(None))
    if is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{what} cannot be", found=repr(value), expected="a table")
        return _built(what, hint, value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if hint is Decimal and (is_number or isinstance(value, str)):
        try:
            return Decimal(str(value))
        except InvalidOperation as error:
            raise ConfigError(f"{what} cannot be", found=repr(value), expected="a number") from error
    if hint is float and is_number:
        return float(value)
    raise ConfigError(f"{what} cannot be", found=repr(value), expected="a number")
