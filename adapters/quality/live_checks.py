"""Checks of a chain against those before it: what a single chain cannot show."""

from __future__ import annotations

from collections import deque
from datetime import date
from typing import Final, final

import numpy as np

from adapters.quality.findings import Check, Finding, Severity, found
from market.calendars import is_open, session_on
from market.chains import FloatArray, OptionChain
from market.clock import iso_of_ns
from market.contracts import ContractIndex

__all__ = ["ChainHistory"]

_SILENT_NS: Final = 20 * 60 * 1_000_000_000  # a delayed feed is a quarter of an hour behind
_SPOT_KEPT: Final = 50
_SPOT_NEEDED: Final = 10
_SPIKE_DEVIATIONS: Final = 25.0
_LEAST_SPIKE: Final = 0.02
_NORMAL: Final = 1.4826  # standard deviation of a normal sample, per median absolute deviation
_ALWAYS: Final = "24/7"
_ALIKE: Final = 20  # rows for which one finding about the whole chain stands, as in `chain_checks`


@final
class ChainHistory:
    """Remembers the chains of one symbol; what it costs grows with the new chain, not with the history."""

    def __init__(self) -> None:
        self._index = ContractIndex()
        self._interest: FloatArray = np.zeros(0)
        self._session: date | None = None
        self._newest_ns = 0
        self._spots: deque[float] = deque(maxlen=_SPOT_KEPT)

    def check(self, chain: OptionChain) -> list[Finding]:
        """Return what is wrong with a chain after those before it, and remember it.

        Parameters
        ----------
        chain : OptionChain
            The next one.

        Returns
        -------
        list of Finding
            Instants that run back, quotes of another day or long silence, open interest that changes within a session,
            and a printed underlying far from those before.
        """
        late = self._order(chain)
        if late:
            return late
        return [*_stale(chain), *self._open_interest(chain), *self._spot(chain)]

    def _order(self, chain: OptionChain) -> list[Finding]:
        if chain.ts_event_ns < self._newest_ns:
            words = f"{chain.symbol}: {iso_of_ns(chain.ts_event_ns)} after {iso_of_ns(self._newest_ns)}"
            return [_whole(Check.ORDER, chain, "the chain is older than the one before", words)]
        self._newest_ns = chain.ts_event_ns
        return []

    def _open_interest(self, chain: OptionChain) -> list[Finding]:
        if not chain.series or chain.series[0].product.calendar == _ALWAYS:
            return []
        if chain.session != self._session:
            self._session, self._interest = chain.session, np.full(len(self._index), np.nan)
        numbers = self._index.register(chain)
        fresh = len(self._index) - self._interest.shape[0]
        self._interest = np.append(self._interest, np.full(fresh, np.nan)) if fresh else self._interest
        before, now = self._interest[numbers], chain.open_interest
        compared = np.isfinite(before) & np.isfinite(now)
        changed = compared & (before != now)
        told = np.isfinite(now)
        self._interest[numbers[told]] = now[told]
        return found(
            Check.OPEN_INTEREST,
            Severity.ERROR,
            changed,
            "open interest changes within a session",
            lambda row: f"{chain.symbol} {chain.strike[row]:g}: {before[row]:g} became {now[row]:g}",
            n_checked=int(compared.sum()),
        )

    def _spot(self, chain: OptionChain) -> list[Finding]:
        if not chain.spot_last > 0.0:
            return []
        spots = np.log(np.array([*self._spots, chain.spot_last]))
        self._spots.append(chain.spot_last)
        moves = np.diff(spots)
        if moves.size < _SPOT_NEEDED:
            return []
        usual = _NORMAL * float(np.median(np.abs(moves[:-1] - np.median(moves[:-1]))))
        jump = abs(float(moves[-1]))
        if jump <= max(_LEAST_SPIKE, _SPIKE_DEVIATIONS * usual):
            return []
        words = f"{chain.symbol}: {np.exp(spots[-2]):.2f} became {chain.spot_last:.2f}"
        finding = Finding(
            check=Check.OUTLIER,
            severity=Severity.WARNING,
            count=1,
            n_checked=_ALIKE,
            reason="the printed underlying jumps far from those before",
            examples=(words,),
        )
        return [finding]


def _stale(chain: OptionChain) -> list[Finding]:
    if not chain.n_contracts or not chain.series:
        return []
    newest_ns, calendar = int(chain.quote_ts_ns.max()), chain.series[0].product.calendar
    if chain.ts_event_ns - newest_ns > _SILENT_NS and is_open(calendar, chain.ts_event_ns):
        words = f"{chain.symbol}: newest quote {iso_of_ns(newest_ns)} at {iso_of_ns(chain.ts_event_ns)}"
        return [_whole(Check.STALE, chain, "no quote changes while the market is open", words)]
    session = None if calendar == _ALWAYS else session_on(calendar, chain.session)
    if session is None or chain.ts_event_ns <= session.open_ns:
        return []
    return found(
        Check.STALE,
        Severity.INFO,
        chain.quote_ts_ns < session.open_ns,
        "the quote stands since before the session",
        lambda row: f"{chain.symbol} {chain.strike[row]:g}: {iso_of_ns(int(chain.quote_ts_ns[row]))}",
    )


def _whole(check: Check, chain: OptionChain, reason: str, words: str) -> Finding:
    return Finding(
        check=check,
        severity=Severity.WARNING,
        count=chain.n_contracts,
        n_checked=chain.n_contracts,
        reason=reason,
        examples=(words,),
    )
