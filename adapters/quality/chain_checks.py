"""Checks of option chains."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import numpy as np

from adapters.quality.findings import Check, Finding, Severity, found
from adapters.quality.parity_checks import check_parity
from market.calendars import latest_session
from market.chains import BoolArray, OptionChain
from market.clock import iso_of_ns

__all__ = ["check_chain", "check_open_interest"]

_UNUSABLE_SHARE: Final = 0.8
_MAX_VOLATILITY: Final = 10.0


def check_chain(chain: OptionChain) -> list[Finding]:
    """Return what is wrong with one chain.

    Parameters
    ----------
    chain : OptionChain
        As read.

    Returns
    -------
    list of Finding
        Quotes, keys, volatilities, expirations, put-call parity and dates.
    """
    return [
        *_quotes(chain),
        *_keys(chain),
        *_volatility(chain),
        *_expirations(chain),
        *check_parity(chain),
        *_session(chain),
        *_left_out(chain),
    ]


def _name(chain: OptionChain, row: int) -> str:
    series = chain.series[int(chain.series_index[row])]
    right = "C" if chain.is_call[row] else "P"
    return f"{chain.session} {series.product.root} {series.expiration} {chain.strike[row]:g} {right}"


def _quotes(chain: OptionChain) -> list[Finding]:
    bid, ask = chain.bid, chain.ask
    told = np.isfinite(bid) | np.isfinite(ask)
    n = int(told.sum())
    if not n:
        return []

    def quoted(row: int) -> str:
        return f"{_name(chain, row)}: {bid[row]:g} / {ask[row]:g}"

    no_bid = told & ~(bid > 0.0)
    both = (bid > 0.0) & (ask > 0.0)
    locked = both & (bid == ask)
    middles = locked.sum() > _UNUSABLE_SHARE * both.sum()
    severity = Severity.INFO if middles else Severity.WARNING
    reason = "bid and ask are one number throughout: the source holds midpoints" if middles else "the bid is the ask"
    findings = [
        *found(Check.CROSSED, Severity.ERROR, both & (bid > ask), "the bid is above the ask", quoted, n_checked=n),
        *found(Check.LOCKED, severity, locked, reason, quoted, n_checked=n),
    ]
    if no_bid.sum() > _UNUSABLE_SHARE * n:
        reason = f"{no_bid.sum() / n:.0%} of the contracts have no bid: open interest may be used, prices may not"
        return [*findings, *found(Check.UNUSABLE_QUOTES, Severity.ERROR, no_bid, reason, quoted, n_checked=n)]
    # Market makers of listed options show an ask wherever they bid; on the venues of coins many orders stand alone.
    alone = (bid > 0.0) & ~(ask > 0.0)
    always = bool(chain.series) and chain.series[0].product.calendar == "24/7"
    severity = Severity.INFO if always else Severity.WARNING
    reason = "a bid without an ask: quotes from outside the regular session, or half withdrawn"
    return [
        *findings,
        *found(Check.ONE_SIDED, severity, alone, reason, quoted, n_checked=n),
        *found(Check.ONE_SIDED, Severity.INFO, told & ~both & ~alone, "a side is missing", quoted, n_checked=n),
    ]


def _keys(chain: OptionChain) -> list[Finding]:
    order = np.lexsort((chain.is_call, chain.strike, chain.series_index))
    same = np.zeros(chain.n_contracts, dtype=np.bool_)
    columns = (chain.series_index[order], chain.strike[order], chain.is_call[order])
    repeats = np.logical_and.reduce([column[1:] == column[:-1] for column in columns])
    same[order[1:][repeats]] = True
    return found(Check.DUPLICATE, Severity.ERROR, same, "the contract stands twice", lambda row: _name(chain, row))


def _volatility(chain: OptionChain) -> list[Finding]:
    told = np.isfinite(chain.vendor_iv)
    n = int(told.sum())
    if not n:
        return []

    def shown(row: int) -> str:
        return f"{_name(chain, row)}: {chain.vendor_iv[row]:g}"

    bad = told & ((chain.vendor_iv < 0.0) | (chain.vendor_iv > _MAX_VOLATILITY))
    return [
        *found(Check.VOLATILITY, Severity.ERROR, bad, "no implied volatility can be so", shown, n_checked=n),
        *found(
            Check.VOLATILITY, Severity.INFO, told & (chain.vendor_iv == 0.0), "published as 0: none", shown, n_checked=n
        ),
    ]


def _expirations(chain: OptionChain) -> list[Finding]:
    days = {series.expiration for series in chain.series}
    past = np.array([series.expiration < chain.session for series in chain.series], dtype=np.bool_)
    today = np.array([s.expiry_ns <= chain.ts_event_ns for s in chain.series], dtype=np.bool_) & ~past
    index = chain.series_index

    def named(row: int) -> str:
        return _name(chain, row)

    findings = [
        *found(Check.EXPIRED, Severity.ERROR, _of(past, index), "expired before the session", named),
        *found(Check.EXPIRED, Severity.INFO, _of(today, index), "expired when the snapshot was taken", named),
    ]
    if chain.series and chain.series[0].product.calendar == "24/7":
        return findings  # an expiration that has passed during the day is gone by its evening
    weeks = {chain.session + timedelta(days=7), chain.session + timedelta(days=14)}
    if chain.session not in days and weeks <= days and min(days) > chain.session:
        # What expires on this weekday in each of the next weeks expired on it today too.
        findings += [
            Finding(
                check=Check.EXPIRY_ABSENT,
                severity=Severity.WARNING,
                count=1,
                n_checked=len(days) + 1,
                reason="the session's own expiration is not among the contracts",
                examples=(f"{chain.symbol} {chain.session}: first expiration {min(days)}",),
            )
        ]
    return findings


def _of(series: BoolArray, index: np.ndarray[tuple[int], np.dtype[np.int32]]) -> BoolArray:
    return series[index] if series.size else np.zeros(index.shape, dtype=np.bool_)


def _one(check: Check, reason: str, words: str) -> Finding:
    return Finding(check=check, severity=Severity.WARNING, count=1, n_checked=20, reason=reason, examples=(words,))


def _session(chain: OptionChain) -> list[Finding]:
    if not chain.series or chain.series[0].product.calendar == "24/7":
        return []
    taken = latest_session(chain.series[0].product.calendar, chain.ts_event_ns)
    if taken.day == chain.session:
        return []
    words = f"{chain.symbol} dated {chain.session}, taken {iso_of_ns(chain.ts_event_ns)} in the session {taken.day}"
    return [_one(Check.OTHER_SESSION, "quotes and open interest belong to different sessions", words)]


def _left_out(chain: OptionChain) -> list[Finding]:
    return [
        Finding(
            check=Check.LEFT_OUT,
            severity=Severity.INFO,
            count=count,
            n_checked=chain.n_read,
            reason=f"left out by the reader: {reason}",
        )
        for reason, count in chain.dropped.items()
        if count
    ]


def check_open_interest(chains: Sequence[OptionChain]) -> list[Finding]:
    """Return the contracts whose open interest changes within a session.

    Parameters
    ----------
    chains : sequence of OptionChain
        Of one symbol, source and session, in order of time.

    Returns
    -------
    list of Finding
        Clearing houses publish it once a day: a change means that two sessions were mixed. Coins trade without a close,
        and theirs is not compared.
    """
    if len(chains) < 2 or any(s.product.calendar == "24/7" for chain in chains for s in chain.series[:1]):
        return []
    names: dict[tuple[str, str], int] = {}
    series = [
        np.array([names.setdefault((s.product.root, s.expiration.isoformat()), len(names)) for s in chain.series])
        for chain in chains
    ]
    expiry = np.concatenate([codes[chain.series_index] for codes, chain in zip(series, chains, strict=True)])
    strike, call, interest = (
        np.concatenate([getattr(chain, name) for chain in chains]) for name in ("strike", "is_call", "open_interest")
    )
    place = np.repeat(np.arange(len(chains)), [chain.n_contracts for chain in chains])
    told = np.flatnonzero(np.isfinite(interest))
    order = told[np.lexsort((place[told], call[told], strike[told], expiry[told]))]
    before, after = order[:-1], order[1:]
    same = np.logical_and.reduce([column[before] == column[after] for column in (expiry, strike, call)])
    changed = np.sort(after[same & (interest[before] != interest[after])])
    earlier = dict(zip(after.tolist(), before.tolist(), strict=True)) if changed.size else {}
    firsts = np.cumsum([0, *(chain.n_contracts for chain in chains)])

    def words(which: int) -> str:
        row = int(changed[which])
        chain = chains[int(place[row])]
        name = _name(chain, row - int(firsts[place[row]]))
        return f"{name}: {interest[earlier[row]]:g} became {interest[row]:g} by {iso_of_ns(chain.ts_event_ns)}"

    rows = np.ones(changed.shape, dtype=np.bool_)
    reason = "open interest changes within a session"
    return found(Check.OPEN_INTEREST, Severity.ERROR, rows, reason, words, n_checked=int(told.size))
