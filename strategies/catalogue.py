"""The strategies by name or class, with what each takes: a configuration is plain data, every part of it checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from strategies.buy_and_hold import BuyAndHold
from strategies.confluence import Confluence
from strategies.divergence.condor import DivergenceCondor
from strategies.divergence.hedge import DivergenceHedge
from strategies.field_signals.gamma_flip import GammaFlip
from strategies.field_signals.mean_reversion import MeanReversion
from strategies.field_signals.momentum import FieldMomentum
from strategies.field_signals.vanna import VannaDrift
from strategies.moving_average import MovingAverageCross
from strategies.noop import Noop
from strategies.plain_values import Parameter, Tradable, made_of, parameters_of_class, unknown
from strategies.policy import PolicyTrader
from strategies.selector.strategy import RegimeSelector
from strategies.structures.broken_wing import BrokenWing
from strategies.structures.butterfly import LongButterfly, ShortButterfly
from strategies.structures.calendar import Calendar
from strategies.structures.diagonal import Diagonal
from strategies.structures.expected_move_condor import ExpectedMoveCondor
from strategies.structures.flyagonal import Flyagonal
from strategies.structures.intraday_butterfly import IntradayButterfly
from strategies.structures.intraday_condor import IntradayCondor
from strategies.structures.intraday_straddle import IntradayStraddle
from strategies.structures.iron_butterfly import IronButterfly
from strategies.structures.iron_condor import IronCondor
from strategies.structures.long_put import LongPut
from strategies.structures.straddle import LongStraddle, ShortStraddle
from strategies.structures.strangle import LongStrangle, ShortStrangle
from strategies.structures.vertical import CreditSpread, DebitSpread
from strategies.structures.zero_dte_condor import ZeroDteCondor
from strategies.structures.zero_dte_straddle import ZeroDteStraddle
from strategies.views import Strategy

__all__ = ["CATALOGUE", "Parameter", "parameters_of", "strategy_of"]

CATALOGUE: Final[Mapping[str, Callable[..., Strategy]]] = MappingProxyType(
    {
        "broken_wing": BrokenWing,
        "buy_and_hold": BuyAndHold,
        "calendar": Calendar,
        "confluence": Confluence,
        "credit_spread": CreditSpread,
        "debit_spread": DebitSpread,
        "diagonal": Diagonal,
        "divergence_condor": DivergenceCondor,
        "divergence_hedge": DivergenceHedge,
        "expected_move_condor": ExpectedMoveCondor,
        "field_momentum": FieldMomentum,
        "flyagonal": Flyagonal,
        "gamma_flip": GammaFlip,
        "intraday_butterfly": IntradayButterfly,
        "intraday_condor": IntradayCondor,
        "intraday_straddle": IntradayStraddle,
        "iron_butterfly": IronButterfly,
        "iron_condor": IronCondor,
        "long_butterfly": LongButterfly,
        "long_put": LongPut,
        "long_straddle": LongStraddle,
        "long_strangle": LongStrangle,
        "mean_reversion": MeanReversion,
        "moving_average": MovingAverageCross,
        "noop": Noop,
        "policy": PolicyTrader,
        "regime_selector": RegimeSelector,
        "short_butterfly": ShortButterfly,
        "short_straddle": ShortStraddle,
        "short_strangle": ShortStrangle,
        "vanna": VannaDrift,
        "zero_dte_condor": ZeroDteCondor,
        "zero_dte_straddle": ZeroDteStraddle,
    }
)
"""Class of each strategy by its name in a configuration."""


@lru_cache(maxsize=256)
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
    return parameters_of_class(_class_of(wanted))


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
        symbol, a choice by its text, and a table for a parameter that is a frozen configuration of its own. A table
        replaces single numbers of the parameter's default, where it has one.
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
    tradable = None if instruments is None else {instrument.symbol: instrument for instrument in instruments}
    made: Strategy = made_of(kind, parameters, f"strategy {name}", tradable)
    return made


def _class_of(wanted: str | Callable[..., Strategy]) -> Callable[..., Strategy]:
    if not isinstance(wanted, str):
        return wanted
    found = CATALOGUE.get(wanted)
    if found is None:
        raise unknown("there is no strategy", wanted, list(CATALOGUE))
    return found
