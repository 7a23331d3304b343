"""Checks of option chains."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import numpy as np

from adapters.quality.findings import Check, Finding, Severity, found
from market.calendars import latest_session
from market.chains import BoolArray, FloatArray, OptionChain
from market.clock import iso_of_ns

__all__ = ["check_chain", "check_open_interest"]

_UNUSABLE_SHARE: Final = 0.8
_MAX_VOLATILITY: Final = 10.0
_MIN_STRIKES: Final = 5
_NEAR: Final = 0.03
_PARITY_TOLERANCE: Final = 5e-4
_UNDERLYING_TOLERANCE: Final = 1e-3
_CARRY_PER_YEAR: Final = 0.06
_YEAR_NS: Final = 365 * 86_400 * 1_000_000_000


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
        *_forward(chain),
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
    return [*findings, *found(Check.ONE_SIDED, Severity.INFO, told & ~both, "a side is missing", quoted, n_checked=n)]


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


def _forward(chain: OptionChain) -> list[Finding]:
    """Compare what calls and puts say of the forward: over strikes, and with the printed underlying."""
    for place in np.argsort(chain.expiry_ns):
        implied = _parity(chain, int(place))
        if implied.size < _MIN_STRIKES:
            continue
        forward = float(np.median(implied))
        spread = 1.4826 * float(np.median(np.abs(implied - forward))) / forward
        findings: list[Finding] = []
        where = f"{chain.symbol} {chain.session} {chain.series[int(place)].expiration}"
        if spread > _PARITY_TOLERANCE:
            words = f"{where}: forward {forward:.2f}, deviation {spread:.2%} over {implied.size} strikes"
            findings.append(_one(Check.PARITY, "calls and puts are not of one instant", words))
        years = max(int(chain.expiry_ns[place]) - chain.ts_event_ns, 0) / _YEAR_NS
        off = abs(chain.spot_last / forward - 1.0)
        if off > _UNDERLYING_TOLERANCE + _CARRY_PER_YEAR * years:
            words = f"{where}: printed {chain.spot_last:.2f}, parity says {forward:.2f}"
            findings.append(_one(Check.UNDERLYING, "the printed underlying is of another instant", words))
        return findings
    return []


def _parity(chain: OptionChain, place: int) -> FloatArray:
    usable = (chain.series_index == place) & (chain.bid > 0.0) & (chain.ask >= chain.bid)
    middle = 0.5 * (chain.bid + chain.ask)
    calls, puts = np.flatnonzero(usable & chain.is_call), np.flatnonzero(usable & ~chain.is_call)
    common, left, right = np.intersect1d(chain.strike[calls], chain.strike[puts], return_indices=True)
    implied: FloatArray = common + middle[calls[left]] - middle[puts[right]]
    if implied.size < _MIN_STRIKES:
        return implied
    return implied[np.abs(common / np.median(implied) - 1.0) < _NEAR]


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
    seen: dict[tuple[str, str, float, bool], float] = {}
    changed: list[str] = []
    compared = 0
    for chain in chains:
        if chain.series and chain.series[0].product.calendar == "24/7":
            return []
        names = [(s.product.root, s.expiration.isoformat()) for s in chain.series]
        rows = np.flatnonzero(np.isfinite(chain.open_interest))
        for row in rows.tolist():
            key = (*names[int(chain.series_index[row])], float(chain.strike[row]), bool(chain.is_call[row]))
            value = float(chain.open_interest[row])
            before = seen.setdefault(key, value)
            compared += 1
            if before != value:
                changed.append(f"{_name(chain, row)}: {before:g} became {value:g} by {iso_of_ns(chain.ts_event_ns)}")
                seen[key] = value
    if not changed:
        return []
    return [
        Finding(
            check=Check.OPEN_INTEREST,
            severity=Severity.ERROR,
            count=len(changed),
            n_checked=compared,
            reason="open interest changes within a session",
            examples=tuple(changed[:5]),
        )
    ]
