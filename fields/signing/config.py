"""Settings of trade signing, and how often each step is right."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import lru_cache

import numpy as np

from fields.signing.steps import SigningRule, SigningStep
from market.chains import FloatArray
from market.errors import ConfigError
from market.trades import TradeFlag

__all__ = ["FlagWeights", "SigningConfig", "StepAccuracy", "probability_table"]

_N_FLAGS = 256
_COIN = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class StepAccuracy:
    """How often a sign is right, by the step that decided it; fractions from 0.5 to 1.

    The defaults are for option trades of the United States in recent years: quote and tick figures are those of the
    literature (docs/fields/trade-signing.md), those of depth and trade size are judgements from the gain of the whole
    stack. Measure your own venue's and set them.

    Parameters
    ----------
    venue : float
        Told by the venue.
    size_exchange, size_national : float
        The trade has the size of one side of the quote.
    quote_national, quote_exchange : float
        The side of the mid.
    at_quote : float
        At the bid or the ask.
    outer_quote : float
        In the outer share of the spread.
    depth_national, depth_exchange : float
        The greater depth, at the mid.
    tick : float
        The last different price.
    reverse_tick : float
        The next different price.
    """

    venue: float = 1.0
    size_exchange: float = 0.75
    size_national: float = 0.65
    quote_national: float = 0.60
    at_quote: float = 0.60
    outer_quote: float = 0.60
    quote_exchange: float = 0.60
    depth_national: float = 0.55
    depth_exchange: float = 0.55
    tick: float = 0.50
    reverse_tick: float = 0.52

    def __post_init__(self) -> None:
        for item in fields(self):
            _require(item.name, getattr(self, item.name), _COIN, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagWeights:
    """How much of a step's edge over a coin is left for a print of a kind; fractions from 0 to 1, multiplied.

    A sign that the venue tells is not weighted.

    Parameters
    ----------
    auction : float
        Auction prints.
    complex_leg : float
        Legs of multi-leg orders: their price is not made against their own quote, so that signs are right by half.
    out_of_sequence : float
        Prints whose place in time is not known.
    cancelled : float
        Cancelled prints, where they are not excluded.
    bar : float
        Bars: one sign for all of a minute's volume.
    off_exchange : float
        Prints away from the lit book.
    """

    auction: float = 0.5
    complex_leg: float = 0.0
    out_of_sequence: float = 0.5
    cancelled: float = 0.0
    bar: float = 0.5
    off_exchange: float = 0.7

    def __post_init__(self) -> None:
        for item in fields(self):
            _require(item.name, getattr(self, item.name), 0.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningConfig:
    """Settings of trade signing.

    Parameters
    ----------
    rule : SigningRule
        The rule; the default needs no future.
    prefer_venue : bool
        Whether the venue's own word comes first where there is one.
    quote_lag_ns : int
        A trade meets the newest quote older than its own instant less this lag. Above 0 where trades are reported
        later than the quotes they met; below 0 where quotes arrive later than trades: the quotes of the next moment
        are then asked, so a stream must hold its trades back by as much.
    max_quote_age_ns : int
        A quote older than this at the instant asked does not stand any more.
    accuracy : StepAccuracy
        How often each step is right.
    weights : FlagWeights
        How much less that is for special prints.
    excluded : TradeFlag
        Prints with one of these flags are not signed and are no price for others.
    no_tick : TradeFlag
        Prints with one of these flags are not signed by tick steps and are no price for others.
    outer_share : float
        Share of the spread, from each quote, that is "near the quote" for CLNV and trade size.
    duplicate_window : int
        A repeated print is known among at least this many trades before it, over all contracts.
    max_waiting : int
        Trades a contract that may wait for a later price, in a rule with the reverse tick; the oldest is given up.
    max_held_quotes : int
        Superseded quotes that a stream holds for trades reported later, over all contracts.
    """

    rule: SigningRule = SigningRule.LEE_READY
    prefer_venue: bool = True
    quote_lag_ns: int = 0
    max_quote_age_ns: int = 300_000_000_000
    accuracy: StepAccuracy = field(default_factory=StepAccuracy)
    weights: FlagWeights = field(default_factory=FlagWeights)
    excluded: TradeFlag = TradeFlag.CANCELLED
    no_tick: TradeFlag = TradeFlag.COMPLEX | TradeFlag.OUT_OF_SEQUENCE | TradeFlag.CANCELLED
    outer_share: float = 0.3
    duplicate_window: int = 32_768
    max_waiting: int = 1_024
    max_held_quotes: int = 65_536

    def __post_init__(self) -> None:
        _require("outer_share", self.outer_share, 0.0, 0.5)
        _require("quote_lag_ns", self.quote_lag_ns, -(2**60), 2**60)
        for name in ("max_quote_age_ns", "duplicate_window", "max_waiting", "max_held_quotes"):
            _require(name, getattr(self, name), 1, 2**60)


@lru_cache(maxsize=8)
def probability_table(config: SigningConfig) -> FloatArray:
    """Return the probability that a sign is right.

    Parameters
    ----------
    config : SigningConfig
        Accuracies and weights.

    Returns
    -------
    ndarray, shape (12 * 256,)
        At ``256 * step + flags``; 0.5 where nothing decided.
    """
    weights, accuracy = config.weights, config.accuracy
    flags = np.arange(_N_FLAGS)
    left = np.ones(_N_FLAGS)
    for flag, weight in (
        (TradeFlag.AUCTION, weights.auction),
        (TradeFlag.COMPLEX, weights.complex_leg),
        (TradeFlag.OUT_OF_SEQUENCE, weights.out_of_sequence),
        (TradeFlag.CANCELLED, weights.cancelled),
        (TradeFlag.BAR, weights.bar),
        (TradeFlag.OFF_EXCHANGE, weights.off_exchange),
    ):
        left = np.where(flags & int(flag), left * weight, left)
    table = np.full((len(SigningStep), _N_FLAGS), _COIN)
    for step in SigningStep:
        if step is not SigningStep.NONE:
            edge = getattr(accuracy, step.name.lower()) - _COIN
            table[step] = _COIN + edge * (1.0 if step is SigningStep.VENUE else left)
    table.setflags(write=False)  # every symbol of the same settings reads the same one
    return table.ravel()


def _require(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(
            f"{name} of trade signing is out of range", found=f"{value:g}", expected=f"{low:g} to {high:g}"
        )
