"""Checks of what calls and puts say together: the forward, the underlying, and whether an expiration has passed."""

from __future__ import annotations

from typing import Final

import numpy as np

from adapters.quality.findings import Check, Finding, Severity
from market.chains import BoolArray, FloatArray, OptionChain

__all__ = ["check_parity"]

_MIN_STRIKES: Final = 5
_NEAR: Final = 0.03
_PARITY_TOLERANCE: Final = 5e-4
_APART_SHARE: Final = 0.1
_UNDERLYING_TOLERANCE: Final = 1e-3
_CARRY_PER_YEAR: Final = 0.06
_TIME_VALUE: Final = 1e-3
_YEAR_NS: Final = 365 * 86_400 * 1_000_000_000


def check_parity(chain: OptionChain) -> list[Finding]:
    """Compare what calls and puts say of the forward: over strikes, with the printed underlying, and at expiry.

    Parameters
    ----------
    chain : OptionChain
        As read.

    Returns
    -------
    list of Finding
        Of the first expiration that has enough strikes with both sides; the time value of those that have expired.

    Notes
    -----
    No rate is needed: over the days of a first expiration discounting moves a forward less than the tolerance.
    """
    findings = _time_value(chain)
    for place in np.argsort(chain.expiry_ns):
        implied, half_spread = _implied(chain, int(place))
        if implied.size >= _MIN_STRIKES:
            return findings + _forward(chain, int(place), implied, half_spread)
    return findings


def _forward(chain: OptionChain, place: int, implied: FloatArray, half_spread: FloatArray) -> list[Finding]:
    forward = float(np.median(implied))
    # A middle is known to half the spread of its quotes: only what lies further off is of another instant.
    off = np.maximum(np.abs(implied - forward) - half_spread, 0.0) / forward
    apart = int((off > _PARITY_TOLERANCE).sum())
    where = f"{chain.symbol} {chain.session} {chain.series[place].expiration}"
    findings: list[Finding] = []
    if apart > max(1.0, _APART_SHARE * implied.size):
        words = f"{where}: {apart} of {implied.size} strikes lie up to {off.max():.2%} off the forward {forward:.2f}"
        findings.append(_one(Check.PARITY, "calls and puts are not of one instant", words))
    years = max(int(chain.expiry_ns[place]) - chain.ts_event_ns, 0) / _YEAR_NS
    if abs(chain.spot_last / forward - 1.0) > _UNDERLYING_TOLERANCE + _CARRY_PER_YEAR * years:
        words = f"{where}: printed {chain.spot_last:.2f}, parity says {forward:.2f}"
        findings.append(_one(Check.UNDERLYING, "the printed underlying is of another instant", words))
    return findings


def _pairs(chain: OptionChain, usable: BoolArray) -> tuple[FloatArray, np.ndarray, np.ndarray]:
    calls, puts = np.flatnonzero(usable & chain.is_call), np.flatnonzero(usable & ~chain.is_call)
    common, left, right = np.intersect1d(chain.strike[calls], chain.strike[puts], return_indices=True)
    return common, calls[left], puts[right]


def _implied(chain: OptionChain, place: int) -> tuple[FloatArray, FloatArray]:
    """Return the forward that each strike near the money implies, and how far its quotes leave that open."""
    usable = (chain.series_index == place) & (chain.bid > 0.0) & (chain.ask >= chain.bid)
    strike, call, put = _pairs(chain, usable)
    if strike.size < _MIN_STRIKES:
        return strike, strike
    middle, spread = 0.5 * (chain.bid + chain.ask), chain.ask - chain.bid
    implied: FloatArray = strike + middle[call] - middle[put]
    # The money is where call and put cost the same: strikes far from it are wide, and often stale.
    at_money = implied[np.argmin(np.abs(middle[call] - middle[put]))]
    near = np.abs(strike / at_money - 1.0) < _NEAR
    return implied[near], 0.5 * (spread[call] + spread[put])[near]


def _time_value(chain: OptionChain) -> list[Finding]:
    """Find expirations that had passed by the instant of the snapshot and are still quoted with time value.

    A file that holds only dates is stamped with the close; this tells that it was taken earlier in the session.
    """
    findings = []
    for place, series in enumerate(chain.series):
        if series.expiration != chain.session or series.expiry_ns > chain.ts_event_ns:
            continue
        strike, call, put = _pairs(chain, (chain.series_index == place) & (chain.ask > 0.0))
        if strike.size < _MIN_STRIKES:
            continue
        premium = 0.5 * (chain.bid + chain.ask)
        money = int(np.argmin(np.abs(premium[call] - premium[put])))
        intrinsic = abs(float(premium[call[money]] - premium[put[money]]))
        forward = float(strike[money] + premium[call[money]] - premium[put[money]])
        # By the bids: a wide quote that nobody has taken down after the close is no time value.
        value = float(chain.bid[call[money]] + chain.bid[put[money]]) - intrinsic
        if value > _TIME_VALUE * forward:
            words = f"{chain.symbol} {chain.session} {series.product.root}: {value:.2f} at strike {strike[money]:g}"
            reason = "taken before its stamp: contracts that have expired by then still have time value"
            findings.append(_one(Check.EARLY, reason, words))
    return findings


def _one(check: Check, reason: str, words: str) -> Finding:
    return Finding(check=check, severity=Severity.WARNING, count=1, n_checked=20, reason=reason, examples=(words,))
