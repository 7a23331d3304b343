"""Signing as the rules are written, one trade at a time in exact arithmetic: slow, and nothing shared with the code."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from fields.signing.config import SigningConfig
from fields.signing.steps import SigningRule
from market.trades import CONSOLIDATED, QuoteBatch, TradeBatch, TradeFlag

TICKS = 100  # prices of the tests are whole hundredths


class Quote(NamedTuple):
    """One side each, in whole hundredths; sizes as given."""

    bid: int
    ask: int
    bid_size: float
    ask_size: float


def ticks(price: float) -> int:
    """Return a price in hundredths, 0 for a missing one."""
    return 0 if np.isnan(price) else round(price * TICKS)


def quote_before(quotes: QuoteBatch, contract: int, venue: int, asked_ns: int, max_age_ns: int) -> Quote | None:
    """Return the usable quote of a contract and venue that stands just before an instant."""
    newest, best = -(2**63), None
    for i in range(quotes.n_quotes):
        if quotes.contract[i] != contract or quotes.venue[i] != venue or quotes.ts_ns[i] < newest:
            continue
        newest = int(quotes.ts_ns[i])
        if newest < asked_ns:
            best = i
    if best is None or asked_ns - int(quotes.ts_ns[best]) > max_age_ns:
        return None
    quote = Quote(ticks(quotes.bid[best]), ticks(quotes.ask[best]), quotes.bid_size[best], quotes.ask_size[best])
    return quote if 0 < quote.bid < quote.ask else None


def side_of_mid(price: int, quote: Quote | None) -> int:
    """Return the quote rule."""
    return 0 if quote is None else int(np.sign(2 * price - quote.bid - quote.ask))


def side_at_quote(price: int, quote: Quote | None) -> int:
    """Return +1 at the ask, -1 at the bid."""
    return 0 if quote is None else int(price == quote.ask) - int(price == quote.bid)


def side_in_outer_part(price: int, quote: Quote | None) -> int:
    """Return the side in the outer 30 % of the spread."""
    if quote is None:
        return 0
    width = Fraction(3, 10) * (quote.ask - quote.bid)
    return int(quote.ask - width < price <= quote.ask) - int(quote.bid <= price < quote.bid + width)


def side_by_depth(price: int, quote: Quote | None) -> int:
    """Return the depth rule at the mid."""
    if quote is None or 2 * price != quote.bid + quote.ask:
        return 0
    return int(quote.ask_size > quote.bid_size) - int(quote.ask_size < quote.bid_size)


def side_by_size(price: int, size: float, quote: Quote | None) -> int:
    """Return the trade-size rule in the outer 30 % of the spread and beyond."""
    if quote is None or abs(2 * price - quote.bid - quote.ask) < Fraction(4, 10) * (quote.ask - quote.bid):
        return 0
    return int(size == quote.bid_size) - int(size == quote.ask_size)


class Print(NamedTuple):
    """What a trade is before any quote."""

    signable: bool
    moves: bool
    tick: int


def prints(trades: TradeBatch, config: SigningConfig) -> list[Print]:
    """Walk over the trades in order of arrival."""
    newest: dict[int, int] = {}
    last: dict[int, tuple[int, int]] = {}
    seen: set[tuple[int, int]] = set()
    found = []
    for c, ts, number, price, flag in zip(
        trades.contract, trades.ts_ns, trades.trade_id, trades.price, trades.flags, strict=True
    ):
        repeat, late = number != -1 and (c, number) in seen, False
        seen.add((c, number))
        if not repeat:
            late = ts < newest.get(c, ts)
            newest[c] = max(ts, newest.get(c, ts))
        flags = TradeFlag(int(flag)) | (TradeFlag.OUT_OF_SEQUENCE if late else TradeFlag.NONE)
        signable = not repeat and not flags & config.excluded
        moves, direction = signable and not flags & config.no_tick and not late, 0
        if moves:
            before, direction = last.get(c, (ticks(price), 0))
            direction = int(np.sign(ticks(price) - before)) or direction
            last[c] = ticks(price), direction
        found.append(Print(signable, moves, direction))
    return found


def reverse_ticks(trades: TradeBatch, walked: list[Print]) -> list[int]:
    """Return the side against the next different price of the contract."""
    found = []
    for i, one in enumerate(walked):
        later = (
            ticks(trades.price[j])
            for j in range(i + 1, trades.n_trades)
            if walked[j].moves and trades.contract[j] == trades.contract[i]
        )
        here = ticks(trades.price[i])
        found.append(next((int(np.sign(here - p)) for p in later if p != here), 0) if one.moves else 0)
    return found


def sides(trades: TradeBatch, quotes: QuoteBatch, config: SigningConfig) -> list[int]:
    """Return the aggressor of each trade."""
    walked = prints(trades, config)
    backward = reverse_ticks(trades, walked)
    found = []
    for i, one in enumerate(walked):
        steps = _steps(trades, quotes, config, i, one.tick, backward[i])
        found.append(next((side for side in steps if side), 0) if one.signable else 0)
    return found


def _steps(
    trades: TradeBatch, quotes: QuoteBatch, config: SigningConfig, i: int, tick: int, back: int
) -> Iterator[int]:
    contract, venue, price, size = int(trades.contract[i]), int(trades.venue[i]), ticks(trades.price[i]), trades.size[i]
    asked_ns = int(trades.ts_ns[i]) - config.quote_lag_ns
    age = config.max_quote_age_ns
    national = quote_before(quotes, contract, CONSOLIDATED, asked_ns, age)
    own = None if venue == CONSOLIDATED else quote_before(quotes, contract, venue, asked_ns, age)
    told = int(trades.aggressor[i])
    stack = (
        side_by_size(price, size, own),
        side_of_mid(price, national),
        side_of_mid(price, own),
        side_by_depth(price, national),
        side_by_depth(price, own),
    )
    rules: dict[SigningRule, Any] = {
        SigningRule.VENUE: (told,),
        SigningRule.QUOTE: (side_of_mid(price, national),),
        SigningRule.TICK: (tick,),
        SigningRule.REVERSE_TICK: (back,),
        SigningRule.LEE_READY: (side_of_mid(price, national), tick),
        SigningRule.EMO: (side_at_quote(price, national), tick),
        SigningRule.CLNV: (side_in_outer_part(price, national), tick),
        SigningRule.DEPTH: (side_by_depth(price, national), side_by_depth(price, own)),
        SigningRule.TRADE_SIZE: (side_by_size(price, size, own), side_by_size(price, size, national)),
        SigningRule.STACKED: (*stack, back),
        SigningRule.STACKED_LIVE: (*stack, tick),
    }
    yield from ((told, *rules[config.rule]) if config.prefer_venue else rules[config.rule])
