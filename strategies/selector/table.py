"""The table of the selector: regimes in, one structure or none out, and each refusal with its reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import inf, nan
from types import MappingProxyType
from typing import Final

from fields.regime import Market, TermStructure
from fields.snapshot import Feedback
from strategies.decisions import Gate
from strategies.parameters import require, require_between

__all__ = ["TABLE", "Choice", "RegimeFacts", "Row", "Selection", "SelectorConfig", "select", "shown_table"]


class Choice(StrEnum):
    """What can be traded."""

    STAND_ASIDE = "stand_aside"
    LONG_PUT = "long_put"
    BULLISH_BROKEN_WING = "bullish_broken_wing"
    BEARISH_BROKEN_WING = "bearish_broken_wing"
    WIDE_CONDOR = "wide_condor"
    NARROW_CONDOR = "narrow_condor"
    CALENDAR = "calendar"


SHORT_PREMIUM: Final = frozenset(
    {
        Choice.BULLISH_BROKEN_WING,
        Choice.BEARISH_BROKEN_WING,
        Choice.WIDE_CONDOR,
        Choice.NARROW_CONDOR,
        # It costs a debit, and is short the gamma of its front month all the same: a move hurts it like the others.
        Choice.CALENDAR,
    }
)
"""What is short gamma, and short the nearest volatility."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectorConfig:
    """Settings of the selector; everything beyond the condors is off until it is asked for (Q53).

    Parameters
    ----------
    enable_calendar_spreads : bool
        Calendars in a low-volatility range.
    enable_broken_wing : bool
        Broken-wing butterflies in trends.
    enable_long_puts : bool
        Long puts in a crash; otherwise nothing is opened there.
    calendar_vix : float
        A calendar needs a VIX below this, index points, > 0 (Q44).
    calendar_iv_rank : float
        ... and a rank of implied volatility below this, a share of its range in (0, 1] (Q44: 20 of 100).
    bwb_skew_threshold : float
        A broken wing needs a SKEW index of at least this, index points, >= 0 (Q49); 0 asks for none.
    low_vol_fallback : Choice
        What a low-volatility range trades where a calendar is off or refused, which covers a VIX of 12 to 20 (Q37).
    trend_fallback : Choice
        What a trend trades where a broken wing is off or refused.
    vetoes_unknown_feedback : bool
        Whether short premium is refused where the dealers' feedback is not known.
    vetoes_unknown_term_structure : bool
        Whether it is refused where the term structure is not known.

    Raises
    ------
    ConfigError
        A number lies outside its range, or a fallback is no condor and not to stand aside.
    """

    enable_calendar_spreads: bool = False
    enable_broken_wing: bool = False
    enable_long_puts: bool = False
    calendar_vix: float = 12.0
    calendar_iv_rank: float = 0.2
    bwb_skew_threshold: float = 140.0
    low_vol_fallback: Choice = Choice.NARROW_CONDOR
    trend_fallback: Choice = Choice.STAND_ASIDE
    vetoes_unknown_feedback: bool = False
    vetoes_unknown_term_structure: bool = False

    def __post_init__(self) -> None:
        require_between("selector", "calendar_vix", self.calendar_vix, 0.0, inf, open_low=True, open_high=True)
        require_between("selector", "calendar_iv_rank", self.calendar_iv_rank, 0.0, 1.0, open_low=True)
        require_between("selector", "bwb_skew_threshold", self.bwb_skew_threshold, 0.0, inf, open_high=True)
        for name in ("low_vol_fallback", "trend_fallback"):
            found = getattr(self, name)
            require("selector", name, found, ", ".join(sorted(_FALLBACKS)), holds=found in _FALLBACKS)
            object.__setattr__(self, name, Choice(found))


_FALLBACKS: Final = (Choice.STAND_ASIDE, Choice.NARROW_CONDOR, Choice.WIDE_CONDOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeFacts:
    """What the selector looks at; NaN and UNKNOWN where it is not known.

    Parameters
    ----------
    market : Market
        Market regime.
    feedback : Feedback
        Dealers' feedback.
    term_structure : TermStructure
        VIX9D over VIX.
    vix : float
        Level, index points.
    iv_rank : float
        Rank of at-the-money implied volatility among its last sessions, a share.
    skew : float
        Cboe's SKEW index, points.
    """

    market: Market
    feedback: Feedback
    term_structure: TermStructure
    vix: float
    iv_rank: float
    skew: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One thing that must hold; what is not known does not hold.

    Parameters
    ----------
    name : str
        Of the gate.
    reason : str
        Why not, where it does not hold.
    holds : callable
        Of the facts, under the settings.
    value, bound : callable
        What is found, and what it is held against; NaN where there is no number.
    """

    name: str
    reason: str
    holds: Callable[[RegimeFacts, SelectorConfig], bool]
    value: Callable[[RegimeFacts], float] = lambda _: nan
    bound: Callable[[SelectorConfig], float] = lambda _: nan


_CALENDARS_ON = Condition(
    name="calendar_enabled", reason="calendars are off", holds=lambda _, c: c.enable_calendar_spreads
)
_LOW_VIX = Condition(
    name="vix_below_calendar",
    reason="VIX is not below the bound of calendars",
    holds=lambda f, c: f.vix < c.calendar_vix,
    value=lambda f: f.vix,
    bound=lambda c: c.calendar_vix,
)
_LOW_RANK = Condition(
    name="iv_rank_below_calendar",
    reason="the rank of implied volatility is not below the bound of calendars",
    holds=lambda f, c: f.iv_rank < c.calendar_iv_rank,
    value=lambda f: f.iv_rank,
    bound=lambda c: c.calendar_iv_rank,
)
_WINGS_ON = Condition(
    name="broken_wing_enabled", reason="broken wings are off", holds=lambda _, c: c.enable_broken_wing
)
_STEEP = Condition(
    name="skew_steep",
    reason="SKEW is below the bound of broken wings",
    holds=lambda f, c: c.bwb_skew_threshold == 0.0 or f.skew >= c.bwb_skew_threshold,
    value=lambda f: f.skew,
    bound=lambda c: c.bwb_skew_threshold,
)
_PUTS_ON = Condition(name="long_put_enabled", reason="long puts are off", holds=lambda _, c: c.enable_long_puts)

_CALM = Condition(
    name="feedback_calm",
    reason="dealers' feedback is critical or unstable",
    holds=lambda f, _: f.feedback not in {Feedback.CRITICAL, Feedback.UNSTABLE},
)
_FEEDBACK_KNOWN = Condition(
    name="feedback_known",
    reason="dealers' feedback is not known",
    holds=lambda f, c: f.feedback != Feedback.UNKNOWN or not c.vetoes_unknown_feedback,
)
_UPRIGHT = Condition(
    name="term_structure_upright",
    reason="the term structure of volatility is inverted",
    holds=lambda f, _: f.term_structure != TermStructure.INVERTED,
)
_TERM_KNOWN = Condition(
    name="term_structure_known",
    reason="the term structure of volatility is not known",
    holds=lambda f, c: f.term_structure != TermStructure.UNKNOWN or not c.vetoes_unknown_term_structure,
)
VETOES: Final = (_CALM, _FEEDBACK_KNOWN, _UPRIGHT, _TERM_KNOWN)
"""What is asked of everything that is short premium."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One structure for a market regime.

    Parameters
    ----------
    choice : callable
        The structure under the settings.
    conditions : tuple of Condition
        Its own, before the vetoes.
    shown : str
        How the table of the documentation names it.
    """

    choice: Callable[[SelectorConfig], Choice]
    conditions: tuple[Condition, ...] = ()
    shown: str = ""


def _row(choice: Choice, *conditions: Condition) -> Row:
    return Row(choice=lambda _: choice, conditions=conditions, shown=f"`{choice}`")


_TREND_FALLBACK = Row(choice=lambda c: c.trend_fallback, shown="`trend_fallback`")
_LOW_VOL_FALLBACK = Row(choice=lambda c: c.low_vol_fallback, shown="`low_vol_fallback`")

TABLE: Final[Mapping[Market, tuple[Row, ...]]] = MappingProxyType(
    {
        Market.CRASH: (_row(Choice.LONG_PUT, _PUTS_ON),),
        Market.BULL_TREND: (_row(Choice.BULLISH_BROKEN_WING, _WINGS_ON, _STEEP), _TREND_FALLBACK),
        Market.BEAR_TREND: (_row(Choice.BEARISH_BROKEN_WING, _WINGS_ON, _STEEP), _TREND_FALLBACK),
        Market.HIGH_VOL_RANGE: (_row(Choice.WIDE_CONDOR),),
        Market.LOW_VOL_RANGE: (_row(Choice.CALENDAR, _CALENDARS_ON, _LOW_VIX, _LOW_RANK), _LOW_VOL_FALLBACK),
        Market.UNKNOWN: (),
    }
)
"""Structures of each market regime in the order in which they are tried; where none is left, nothing is opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The answer of the table.

    Parameters
    ----------
    choice : Choice
        The structure, or to stand aside.
    vetoes : tuple of str
        Why each structure before it was refused, and where nothing is opened, why.
    gates : tuple of Gate
        What was asked of the one that decided, up to and with the first that failed.
    """

    choice: Choice
    vetoes: tuple[str, ...]
    gates: tuple[Gate, ...]


def select(facts: RegimeFacts, config: SelectorConfig) -> Selection:
    """Return the structure for a market, or to stand aside.

    Parameters
    ----------
    facts : RegimeFacts
        States of the axes, and levels.
    config : SelectorConfig
        Flags, bounds and fallbacks.

    Returns
    -------
    Selection
        The first of the regime's structures that everything allows. Standing aside always says why.
    """
    vetoes: list[str] = []
    gates: tuple[Gate, ...] = (_known(facts),)
    for row in TABLE[facts.market]:
        choice = row.choice(config)
        if choice is Choice.STAND_ASIDE:
            vetoes.append(f"{facts.market.value}: the fallback is to stand aside")
            break
        asked = (*row.conditions, *(VETOES if choice in SHORT_PREMIUM else ()))
        refusal = next((each for each in asked if not each.holds(facts, config)), None)
        passed = tuple(_gate(each, facts, config) for each in asked[: asked.index(refusal) if refusal else None])
        if refusal is None:
            return Selection(choice=choice, vetoes=tuple(vetoes), gates=(_known(facts), *passed))
        vetoes.append(f"{choice.value}: {refusal.reason}")
        gates = (_known(facts), *passed, _gate(refusal, facts, config, refused="; ".join(vetoes)))
    if not vetoes:
        vetoes.append("the market regime is not known")
    return Selection(choice=Choice.STAND_ASIDE, vetoes=tuple(vetoes), gates=gates)


def _known(facts: RegimeFacts) -> Gate:
    known = facts.market is not Market.UNKNOWN
    return Gate(name="market_known", passed=known, reason="" if known else "the market regime is not known")


def _gate(condition: Condition, facts: RegimeFacts, config: SelectorConfig, refused: str = "") -> Gate:
    return Gate(
        name=condition.name,
        passed=not refused,
        value=condition.value(facts),
        bound=condition.bound(config),
        reason=refused,
    )


def shown_table() -> str:
    """Return the table as Markdown, from the data that decide: a line for each structure of each regime."""
    lines = ["| market regime | structure | its own conditions | vetoes |", "|---|---|---|---|"]
    vetoes = ", ".join(f"`{each.name}`" for each in VETOES)
    for market, rows in TABLE.items():
        for place, row in enumerate(rows):
            own = ", ".join(f"`{each.name}`" for each in row.conditions) or "–"
            kept = "–" if row.shown == f"`{Choice.LONG_PUT}`" else vetoes
            lines.append(f"| {f'`{market}`' if place == 0 else ''} | {row.shown} | {own} | {kept} |")
        lines.append(f"| {'' if rows else f'`{market}`'} | `{Choice.STAND_ASIDE}` | – | – |")
    return "\n".join(lines)
