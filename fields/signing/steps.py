"""The signing rules by name, and the ordered steps of each; without a kernel, because settings name them too.

A rule is a set of steps; the first step that decides gives the sign. All rules share one order of steps, so that one
kernel serves them all and the code of the deciding step is told the same way for each.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

__all__ = ["EXCHANGE_STEPS", "QUOTE_STEPS", "SIZE_STEPS", "SigningRule", "SigningStep", "steps_of"]


class SigningRule(StrEnum):
    """How the aggressor of a trade is inferred; docs/fields/trade-signing.md has the table."""

    VENUE = "venue"
    QUOTE = "quote"
    TICK = "tick"
    REVERSE_TICK = "reverse_tick"
    LEE_READY = "lee_ready"
    EMO = "emo"
    CLNV = "clnv"
    DEPTH = "depth"
    TRADE_SIZE = "trade_size"
    STACKED = "stacked"  # Grauer, Schuster and Uhrig-Homburg; needs the future for its last step
    STACKED_LIVE = "stacked_live"  # the same with the tick rule last: needs no future


class SigningStep(IntEnum):
    """The step that decided a sign, in the order in which steps are asked; `EXCHANGE` reads the venue's own quote."""

    NONE = 0
    VENUE = 1
    SIZE_EXCHANGE = 2
    SIZE_NATIONAL = 3
    QUOTE_NATIONAL = 4
    AT_QUOTE = 5
    OUTER_QUOTE = 6
    QUOTE_EXCHANGE = 7
    DEPTH_NATIONAL = 8
    DEPTH_EXCHANGE = 9
    TICK = 10
    REVERSE_TICK = 11


_S = SigningStep
_STACK = (_S.SIZE_EXCHANGE, _S.QUOTE_NATIONAL, _S.QUOTE_EXCHANGE, _S.DEPTH_NATIONAL, _S.DEPTH_EXCHANGE)
_STEPS: dict[SigningRule, tuple[SigningStep, ...]] = {
    SigningRule.VENUE: (_S.VENUE,),
    SigningRule.QUOTE: (_S.QUOTE_NATIONAL,),
    SigningRule.TICK: (_S.TICK,),
    SigningRule.REVERSE_TICK: (_S.REVERSE_TICK,),
    SigningRule.LEE_READY: (_S.QUOTE_NATIONAL, _S.TICK),
    SigningRule.EMO: (_S.AT_QUOTE, _S.TICK),
    SigningRule.CLNV: (_S.OUTER_QUOTE, _S.TICK),
    SigningRule.DEPTH: (_S.DEPTH_NATIONAL, _S.DEPTH_EXCHANGE),
    SigningRule.TRADE_SIZE: (_S.SIZE_EXCHANGE, _S.SIZE_NATIONAL),
    SigningRule.STACKED: (*_STACK, _S.REVERSE_TICK),
    SigningRule.STACKED_LIVE: (*_STACK, _S.TICK),
}


def steps_of(rule: SigningRule, *, prefer_venue: bool) -> int:
    """Return the steps of a rule as bits, bit k for the step with code k.

    Parameters
    ----------
    rule : SigningRule
        The rule.
    prefer_venue : bool
        Whether the venue's own word comes first.

    Returns
    -------
    int
        The bits.
    """
    bits = sum(1 << step for step in _STEPS[rule])
    return bits | (1 << SigningStep.VENUE) if prefer_venue else bits


QUOTE_STEPS = sum(1 << step for step in SigningStep if SigningStep.SIZE_EXCHANGE <= step <= SigningStep.DEPTH_EXCHANGE)
"""Bits of the steps that need quotes."""

EXCHANGE_STEPS = sum(1 << step for step in (_S.SIZE_EXCHANGE, _S.QUOTE_EXCHANGE, _S.DEPTH_EXCHANGE))
"""Bits of the steps that need the quotes of single exchanges."""

SIZE_STEPS = sum(1 << step for step in (_S.SIZE_EXCHANGE, _S.SIZE_NATIONAL, _S.DEPTH_NATIONAL, _S.DEPTH_EXCHANGE))
"""Bits of the steps that need the sizes of quotes."""
