"""A package of options as it would have been at other instants: as far from spot, as long to live, as long held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from backtest.history import ChainSequence
from execution.trades import Trade
from market.chains import FloatArray, OptionChain
from market.orders import Leg
from market.tradables import OptionContract
from market.trades import Int64Array
from strategies.chain_lookup import ChainLookup

__all__ = ["Boards", "profits_elsewhere"]

_NAN: Final = float("nan")
_MOST: Final = 500
_Struck = tuple[tuple[OptionContract, float, int, float], ...]  # the leg, its units, expiry and strike


@dataclass(frozen=True, slots=True)
class _Board:
    """One chain, by expiry and right: strikes rising and their mids."""

    spot: float
    expiries: Int64Array
    sides: dict[tuple[int, bool], tuple[FloatArray, FloatArray]]

    @classmethod
    def of(cls, chain: OptionChain) -> _Board:
        spot = chain.spot_last
        if not np.isfinite(spot):
            spot = 0.5 * (chain.spot_bid + chain.spot_ask)
        if not np.isfinite(spot):
            spot = ChainLookup().view(chain).spot  # a source may print no underlying: parity tells it
        expiry, mid = chain.expiry_ns[chain.series_index], 0.5 * (chain.bid + chain.ask)
        is_quoted = (chain.bid >= 0.0) & (chain.ask > 0.0) & (chain.bid <= chain.ask)
        # A source of mids tells them as last prices, without bid and ask.
        mid = np.where(is_quoted, mid, np.where(np.isnan(chain.bid) & np.isnan(chain.ask), chain.last, np.nan))
        sides = {}
        for each in np.unique(expiry).tolist():
            for is_call in (True, False):
                rows = np.flatnonzero((expiry == each) & (chain.is_call == is_call) & np.isfinite(mid))
                rows = rows[np.argsort(chain.strike[rows], kind="stable")]
                sides[each, is_call] = (chain.strike[rows], mid[rows])
        return cls(float(spot), np.unique(expiry).astype(np.int64), sides)

    def nearest_strike(self, expiry_ns: int, strike: float, *, is_call: bool) -> float:
        strikes, _ = self.sides.get((expiry_ns, is_call), (np.zeros(0), np.zeros(0)))
        return float(strikes[np.argmin(np.abs(strikes - strike))]) if strikes.shape[0] else _NAN

    def mid(self, expiry_ns: int, strike: float, *, is_call: bool) -> float:
        strikes, mids = self.sides.get((expiry_ns, is_call), (np.zeros(0), np.zeros(0)))
        place = int(np.searchsorted(strikes, strike))
        return float(mids[place]) if place < strikes.shape[0] and strikes[place] == strike else _NAN


class Boards:
    """The chains of one underlying, read once.

    Parameters
    ----------
    chains : ChainSequence
        What is read.
    """

    def __init__(self, chains: ChainSequence) -> None:
        self.available_ns = chains.available_ns
        self._boards = [_Board.of(chains.chain(place)) for place in range(chains.available_ns.shape[0])]

    def at(self, instant_ns: int) -> _Board | None:
        """Return the newest chain at an instant; None before the first."""
        place = int(np.searchsorted(self.available_ns, instant_ns, side="right")) - 1
        return self._boards[place] if place >= 0 else None

    def worth(self, package: _Struck, instant_ns: int) -> float:
        """Return what a package is worth: at mids, and what has expired at the newest price of its underlying."""
        total = 0.0
        for option, units, expiry_ns, strike in package:
            board = self.at(min(instant_ns, expiry_ns))
            if board is None:
                return _NAN
            if expiry_ns <= instant_ns:
                gain = board.spot - strike if option.is_call else strike - board.spot
                total += units * max(gain, 0.0) if np.isfinite(gain) else _NAN
            else:
                total += units * board.mid(expiry_ns, strike, is_call=option.is_call)
        return total


def profits_elsewhere(trade: Trade, boards: Boards) -> tuple[float, FloatArray]:
    """Return what a package of options earned by mids, and what its like would have earned from each chain on.

    Parameters
    ----------
    trade : Trade
        Options of one underlying.
    boards : Boards
        Its chains.

    Returns
    -------
    actual : float
        Net of its costs, account currency; NaN where its legs were not quoted.
    elsewhere : ndarray, shape (n_usable,)
        The same for each chain at which legs of the same distance from spot (strike over spot), of the nearest time to
        expiry, were quoted at entry and exit; at the same costs. Of many chains 500 are taken at even distances.
    """
    held_ns, costs = trade.closed_ns - trade.opened_ns, float(trade.costs)
    board = boards.at(trade.opened_ns)
    if board is None:
        return _NAN, np.zeros(0)
    quantity = float(trade.quantity)
    own = _as_traded(trade.legs, quantity)
    actual = boards.worth(own, trade.closed_ns) - boards.worth(own, trade.opened_ns) - costs
    found = []
    last_ns = int(boards.available_ns[-1])
    possible = boards.available_ns[boards.available_ns <= last_ns - held_ns]
    chosen = np.unique(np.linspace(0, possible.shape[0] - 1, min(_MOST, possible.shape[0])).astype(np.int64))
    for instant_ns in possible[chosen].tolist():
        like = _like(own, board.spot, trade.opened_ns, boards, instant_ns)
        if like:
            found.append(boards.worth(like, instant_ns + held_ns) - boards.worth(like, instant_ns) - costs)
    elsewhere = np.array(found, dtype=np.float64)
    return actual, elsewhere[np.isfinite(elsewhere)]


def _as_traded(legs: Sequence[Leg], quantity: float) -> _Struck:
    made = []
    for leg in legs:
        option = leg.instrument
        if isinstance(option, OptionContract):
            units = leg.ratio * quantity * float(option.multiplier)
            made.append((option, units, option.series.expiry_ns, float(option.strike)))
    return tuple(made)


def _like(own: _Struck, spot: float, opened_ns: int, boards: Boards, instant_ns: int) -> _Struck:
    """Return the package with strikes and expirations of another chain; empty where it has none."""
    board = boards.at(instant_ns)
    if board is None or not np.isfinite(board.spot) or not np.isfinite(spot):
        return ()
    ahead = board.expiries[board.expiries > instant_ns]
    if not ahead.shape[0]:
        return ()
    made = []
    for option, units, expiry_ns, strike in own:
        wanted_ns = instant_ns + expiry_ns - opened_ns
        other_ns = int(ahead[np.argmin(np.abs(ahead - wanted_ns))])
        other = board.nearest_strike(other_ns, strike / spot * board.spot, is_call=option.is_call)
        if not np.isfinite(other):
            return ()
        made.append((option, units, other_ns, other))
    # Two legs on one strike would be another structure.
    places = {(expiry, strike, option.is_call) for option, _, expiry, strike in made}
    return tuple(made) if len(places) == len(made) else ()
