"""The best pairing of an account's options on one underlying: the cheapest way to count every short leg once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix

from market.errors import NumericsError
from market.tradables import OptionContract
from risk.margin.scenarios import ExpiryGroup, OpenShort, proves_own_expiries
from risk.payoff import Payoff, expiry_payoff

__all__ = ["Cover", "PairingResult", "Short", "best_pairing"]

_ZERO: Final = Decimal(0)
# Branches of the search; nearly every book needs one. A count and no clock: the same book gives the same answer.
_MOST_NODES: Final = 200
_OPTIMAL, _INFEASIBLE = 0, 2  # of scipy.optimize.milp
# The solver counts in thousands. Its tolerances are absolute: in single dollars they are so narrow that it has to
# repair its own answers, of which it prints a line to the standard output that no option silences.
_UNIT: Final = Decimal(1000)
Units = tuple[tuple[OptionContract, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Short:
    """A short option and what it costs to carry one contract alone.

    Parameters
    ----------
    contract : OptionContract
        What is short.
    count : int
        Contracts, > 0.
    naked : Decimal
        Requirement of one contract alone, its value in it; infinite where it may not stand alone.
    value : Decimal
        Market value of one contract.
    covered : Decimal
        Requirement of one contract that shares cover; infinite where none can.
    """

    contract: OptionContract
    count: int
    naked: Decimal
    value: Decimal
    covered: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """Shares that can stand behind options.

    Parameters
    ----------
    shares : Decimal
        Without sign.
    is_long : bool
        Long shares cover short calls and are protected by long puts; short shares the reverse.
    protected : tuple of (OptionContract, Decimal)
        Long options that protect them, with the relief of one contract, > 0.
    """

    shares: Decimal
    is_long: bool
    protected: tuple[tuple[OptionContract, Decimal], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingResult:
    """Which contracts were counted how; every short contract stands in exactly one place.

    Parameters
    ----------
    spreads : tuple of (Units, Decimal)
        Groups of one short expiry with the long options that cover them, signed, and their largest loss at expiry.
    naked : Units
        Short contracts that stand alone, without sign.
    straddles : tuple of (OptionContract, OptionContract, int)
        Naked calls and puts that are counted together, and how many.
    covered : Units
        Short contracts behind which shares stand.
    protecting : Units
        Long contracts that protect shares.
    is_best : bool
        False where the search ended before it was proved that no pairing is cheaper; this one asks for too much then.
    """

    spreads: tuple[tuple[Units, Decimal], ...] = ()
    naked: Units = ()
    straddles: tuple[tuple[OptionContract, OptionContract, int], ...] = ()
    covered: Units = ()
    protecting: Units = ()
    is_best: bool = True


@lru_cache(maxsize=4096)
def _payoff(units: Units) -> Payoff:
    """Return what a group is worth at expiry, without what was paid for it."""
    return expiry_payoff((contract, Decimal(count)) for contract, count in units)


def _largest_loss(units: Units) -> Decimal:
    """Return the most that a group can lose at expiry, without what was paid for it."""
    return _payoff(units).max_loss


def best_pairing(shorts: Sequence[Short], longs: Units, cover: Cover | None, *, same_expiry: bool) -> PairingResult:
    """Return a pairing of the least total requirement.

    Parameters
    ----------
    shorts : sequence of Short
        Short options on one underlying.
    longs : tuple of (OptionContract, int)
        Long options on it, contracts > 0.
    cover : Cover or None
        Shares of it.
    same_expiry : bool
        Whether a long option covers only short ones of its own expiry, and not earlier ones too.

    Returns
    -------
    PairingResult
        Least sum of: largest losses of spreads, naked requirements less the relief of straddles, covered
        requirements, less the relief of protected shares.

    Raises
    ------
    NumericsError
        No allowed pairing exists: `Short.naked` is infinite somewhere.

    Notes
    -----
    A spread is any set of short options of one expiry with long options that end no earlier; its requirement is its
    largest loss over all settlement prices, which is how FINRA rule 4210(f)(2)(H) margins spreads of any number of
    legs. The choice is an integer programme, because a pairing that is merely good breaks two laws: a further long leg
    would sometimes cost margin, and two accounts together more than apart. Books of dozens of legs over several
    expiries can be so tangled that the search stops at some 200 branches; then the requirement is a little too high.
    Nearly every book of defined risk needs no programme: `risk.margin.scenarios` proves that each expiry does best with
    the long options that end with it or before the next one.
    """
    quick = _alone(shorts, longs, cover) or _obvious(shorts, longs, cover, same_expiry=same_expiry)
    return quick if quick is not None else _solved(shorts, longs, cover, same_expiry=same_expiry)


def _alone(shorts: Sequence[Short], longs: Units, cover: Cover | None) -> PairingResult | None:
    """Return the pairing of a single short option or a short strangle, where there is nothing to choose."""
    if longs or len({short.contract.is_call for short in shorts}) != len(shorts):
        return None
    # A put's own largest loss is its strike; where naked asks more than that, the programme decides.
    if any(
        not s.naked.is_finite() or s.naked > s.contract.strike * s.contract.multiplier for s in shorts if _is_put(s)
    ):
        return None
    if cover is None and len(shorts) == 2 and all(short.naked.is_finite() for short in shorts):
        call, put = sorted(shorts, key=_is_put)
        pairs = min(call.count, put.count)
        naked = tuple((short.contract, short.count) for short in (call, put))
        return PairingResult(naked=naked, straddles=((call.contract, put.contract, pairs),))
    if len(shorts) != 1:
        return None
    (short,) = shorts
    behind = 0
    if cover is not None and short.covered <= short.naked:
        behind = min(short.count, int(cover.shares // short.contract.multiplier))
    left = short.count - behind
    if left and not short.naked.is_finite():
        return None
    return PairingResult(
        naked=((short.contract, left),) if left else (), covered=((short.contract, behind),) if behind else ()
    )


def _is_put(short: Short) -> bool:
    return not short.contract.is_call


def _obvious(shorts: Sequence[Short], longs: Units, cover: Cover | None, *, same_expiry: bool) -> PairingResult | None:
    """Return the pairing by expiry where bounds from below prove that none is better."""
    if cover is not None and cover.protected:
        return None
    own = _own(shorts, longs, same_expiry=same_expiry)
    groups = [ExpiryGroup(expiry_ns=units[-1][0].series.expiry_ns, payoff=_payoff(units)) for units in own]
    losses = [group.payoff.max_loss for group in groups]
    most = sum(losses, _ZERO)
    if not most.is_finite():
        return None
    open_shorts = [OpenShort(contract=s.contract, count=s.count, outside=min(s.naked, s.covered)) for s in shorts]
    if most == _ZERO or proves_own_expiries(groups, open_shorts, longs, same_expiry=same_expiry):
        return PairingResult(spreads=tuple(zip(own, losses, strict=True)))
    return None


def _own(shorts: Sequence[Short], longs: Units, *, same_expiry: bool) -> list[Units]:
    """Return the short options by expiry, after the long ones that end with it, or later but before the next one."""
    expiries = sorted({short.contract.series.expiry_ns for short in shorts})
    own: list[list[tuple[OptionContract, int]]] = [[] for _ in expiries]
    for item in longs:
        end_ns = item[0].series.expiry_ns
        place = bisect_right(expiries, end_ns) - 1
        if place >= 0 and (not same_expiry or expiries[place] == end_ns):
            own[place].append(item)
    for short in shorts:
        own[expiries.index(short.contract.series.expiry_ns)].append((short.contract, -short.count))
    return [tuple(each) for each in own]


class _Programme:
    """Rows and columns of an integer programme, collected one by one."""

    def __init__(self) -> None:
        self.cost: list[float] = []
        self.upper: list[float] = []
        self.integral: list[int] = []
        self._cells: list[tuple[int, int, float]] = []
        self._lower: list[float] = []
        self._most: list[float] = []

    def column(self, cost: Decimal, upper: float, *, integral: bool = True) -> int:
        """Add a variable >= 0 with its cost, account currency, and return its place; infinite forbids it."""
        allowed = cost.is_finite()
        self.cost.append(float(cost / _UNIT) if allowed else 0.0)
        self.upper.append(upper if allowed else 0.0)
        self.integral.append(int(integral))
        return len(self.cost) - 1

    def row(self, terms: Sequence[tuple[int, float]], lower: float, upper: float) -> None:
        """Add a constraint on a sum of terms."""
        place = len(self._lower)
        self._cells += [(place, column, value) for column, value in terms]
        self._lower.append(lower)
        self._most.append(upper)

    def solve(self) -> tuple[np.ndarray[Any, np.dtype[np.float64]] | None, bool]:
        """Return the best values that were found of all variables, and whether it is proved that none are better."""
        rows, columns, values = zip(*self._cells, strict=True)
        matrix = csr_matrix((values, (rows, columns)), shape=(len(self._lower), len(self.cost)))
        found = milp(
            np.asarray(self.cost),
            integrality=np.asarray(self.integral),
            bounds=Bounds(0.0, np.asarray(self.upper)),
            constraints=LinearConstraint(matrix, self._lower, self._most),
            options={"mip_rel_gap": 0.0, "node_limit": _MOST_NODES},
        )
        if found.status == _INFEASIBLE:
            raise NumericsError(
                "a short position may not be held in this account",
                found=str(found.message),
                expected="every short contract covered, or allowed to stand alone",
            )
        return None if found.x is None else np.asarray(found.x), found.status == _OPTIMAL


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """Where each choice stands among the columns."""

    spread: dict[int, int]
    naked: dict[int, int]
    covered: dict[int, int]
    long_in: dict[tuple[int, int], int]
    straddle: dict[tuple[int, int], int]
    protecting: dict[int, int]


def _solved(shorts: Sequence[Short], longs: Units, cover: Cover | None, *, same_expiry: bool) -> PairingResult:
    programme = _Programme()
    places = _columns(programme, shorts, longs, cover, same_expiry=same_expiry)
    _count_rows(programme, places, shorts, longs, cover)
    for expiry in sorted({short.contract.series.expiry_ns for short in shorts}):
        _loss_rows(programme, places, shorts, longs, expiry)
    found, is_best = programme.solve()
    if found is None:  # the search ended empty-handed: each short contract alone is always a pairing, if a dear one
        return PairingResult(naked=tuple((short.contract, short.count) for short in shorts), is_best=False)
    return replace(_read(found, places, shorts, longs), is_best=is_best)


def _columns(
    programme: _Programme, shorts: Sequence[Short], longs: Units, cover: Cover | None, *, same_expiry: bool
) -> _Places:
    expiries = sorted({short.contract.series.expiry_ns for short in shorts})
    spread = {s: programme.column(_ZERO, short.count) for s, short in enumerate(shorts)}
    naked = {s: programme.column(short.naked, short.count) for s, short in enumerate(shorts)}
    covered = {s: programme.column(short.covered, short.count) for s, short in enumerate(shorts)}
    long_in = {
        (place, expiry): programme.column(_ZERO, count)
        for place, (contract, count) in enumerate(longs)
        for expiry in expiries
        if contract.series.expiry_ns == expiry or (contract.series.expiry_ns > expiry and not same_expiry)
    }
    straddle = {
        (c, p): programme.column(-_relief(call, put), min(call.count, put.count))
        for c, call in enumerate(shorts)
        for p, put in enumerate(shorts)
        if call.contract.is_call and not put.contract.is_call and call.naked.is_finite() and put.naked.is_finite()
    }
    relief = dict(cover.protected) if cover is not None else {}
    protecting = {
        place: programme.column(-relief[contract], count)
        for place, (contract, count) in enumerate(longs)
        if contract in relief
    }
    return _Places(
        spread=spread, naked=naked, covered=covered, long_in=long_in, straddle=straddle, protecting=protecting
    )


def _relief(call: Short, put: Short) -> Decimal:
    """Return what a naked call and a naked put save together: the smaller one counts with its value only."""
    smaller = put if call.naked >= put.naked else call
    return smaller.naked - smaller.value


def _count_rows(
    programme: _Programme, places: _Places, shorts: Sequence[Short], longs: Units, cover: Cover | None
) -> None:
    for s, short in enumerate(shorts):
        used = [(places.spread[s], 1.0), (places.naked[s], 1.0), (places.covered[s], 1.0)]
        programme.row(used, short.count, short.count)
        pairs = [(column, 1.0) for key, column in places.straddle.items() if s in key]
        if pairs:
            programme.row([*pairs, (places.naked[s], -1.0)], -np.inf, 0.0)
    for place, (_, count) in enumerate(longs):
        used = [(column, 1.0) for (long, _), column in places.long_in.items() if long == place]
        used += [(places.protecting[place], 1.0)] if place in places.protecting else []
        if used:
            programme.row(used, 0.0, count)
    shares = cover.shares if cover is not None else _ZERO
    behind = [(places.covered[s], float(short.contract.multiplier)) for s, short in enumerate(shorts)]
    behind += [(column, float(longs[place][0].multiplier)) for place, column in places.protecting.items()]
    programme.row(behind, 0.0, float(shares))


def _loss_rows(programme: _Programme, places: _Places, shorts: Sequence[Short], longs: Units, expiry: int) -> None:
    """Bind the loss of a group from below: at 0, at each strike, and without end above the last."""
    members = [
        (places.spread[s], -1, short.contract)
        for s, short in enumerate(shorts)
        if short.contract.series.expiry_ns == expiry
    ]
    members += [(column, 1, longs[long][0]) for (long, group), column in places.long_in.items() if group == expiry]
    loss = programme.column(_UNIT, np.inf, integral=False)
    for node in sorted({_ZERO, *(contract.strike for _, _, contract in members)}):
        terms = [
            (column, sign * float(contract.multiplier * contract.intrinsic(node) / _UNIT))
            for column, sign, contract in members
        ]
        programme.row([(loss, 1.0), *terms], 0.0, np.inf)
    calls = [(column, sign * float(item.multiplier / _UNIT)) for column, sign, item in members if item.is_call]
    if calls:
        programme.row(calls, 0.0, np.inf)


def _read(
    found: np.ndarray[Any, np.dtype[np.float64]], places: _Places, shorts: Sequence[Short], longs: Units
) -> PairingResult:
    def count(column: int) -> int:
        return round(float(found[column]))

    spreads: list[tuple[Units, Decimal]] = []
    for expiry in sorted({short.contract.series.expiry_ns for short in shorts}):
        sold = [
            (short.contract, -count(places.spread[s]))
            for s, short in enumerate(shorts)
            if short.contract.series.expiry_ns == expiry
        ]
        bought = [
            (longs[long][0], count(column)) for (long, group), column in places.long_in.items() if group == expiry
        ]
        units = tuple(item for item in (*bought, *sold) if item[1])
        if any(number < 0 for _, number in units):
            spreads.append((units, _largest_loss(units)))
    naked = tuple((shorts[s].contract, count(column)) for s, column in places.naked.items())
    covered = tuple((shorts[s].contract, count(column)) for s, column in places.covered.items())
    protecting = tuple((longs[place][0], count(column)) for place, column in places.protecting.items())
    straddles = tuple(
        (shorts[c].contract, shorts[p].contract, count(column)) for (c, p), column in places.straddle.items()
    )
    return PairingResult(
        spreads=tuple(spreads),
        naked=tuple(item for item in naked if item[1]),
        straddles=tuple(item for item in straddles if item[2]),
        covered=tuple(item for item in covered if item[1]),
        protecting=tuple(item for item in protecting if item[1]),
    )
