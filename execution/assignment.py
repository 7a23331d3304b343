"""Early assignment: which short American options a holder who counts would exercise this evening."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from math import expm1, isnan, nan
from typing import Final

from execution.events import DividendNotice, Settlement
from execution.holdings import PackagePosition
from execution.settlement import delivery
from market.errors import DataError
from market.instruments import ExerciseStyle
from market.tradables import OptionContract, Share, option_contract
from strategies.views import Quote

__all__ = ["AssignmentReading", "Evening", "early_assignments"]

_YEAR_NS: Final = 365 * 86_400_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Evening:
    """What a holder knows at the close of a session.

    Parameters
    ----------
    underlying : str
        Share.
    now_ns : int
        The close, ns since the epoch, UTC.
    next_open_ns : int
        Open of the next session, ns since the epoch, UTC.
    price : Decimal
        Closing price of the share.
    rate : float
        Annual continuously compounded rate to the expiries at hand, fraction.
    dividends : tuple of DividendNotice
        Dividends of the share; those not yet announced are passed over.
    quotes_from_ns : int
        Quotes before this instant count as missing, ns since the epoch, UTC: the session's open.
    quoted_price : float
        Price of the share when the options were quoted, which bids are held against; NaN takes `price`.
    """

    underlying: str
    now_ns: int
    next_open_ns: int
    price: Decimal
    rate: float
    dividends: tuple[DividendNotice, ...] = ()
    quotes_from_ns: int = 0
    quoted_price: float = nan


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentReading:
    """What happens to the short options of one share tonight.

    Parameters
    ----------
    settlements : tuple of Settlement
        Assignments, each of a whole position.
    untold : tuple of str
        Symbols in the money whose quotes do not tell; they are not assigned, and a report must count them.
    """

    settlements: tuple[Settlement, ...]
    untold: tuple[str, ...]


def early_assignments(
    held: Iterable[PackagePosition],
    evening: Evening,
    quote_of: Callable[[OptionContract], Quote | None],
    *,
    share: Share | None = None,
) -> AssignmentReading:
    """Return the early assignments of an evening.

    Parameters
    ----------
    held : iterable of PackagePosition
        All positions; those short in American options on the share that are in the money are looked at.
    evening : Evening
        What is known.
    quote_of : callable
        Gives the closing quote of a contract, also of one that is not held; None where there is none.
    share : Share, optional
        What is delivered.

    Returns
    -------
    AssignmentReading
        Deterministic: a whole position is assigned or none of it.

    Notes
    -----
    With strike `K`, years `tau` and rate `r` the holder of a call gives up the put of the same strike and the interest
    ``K (1 - exp(-r tau))``, and gains the dividend `D` that the share pays tomorrow: assigned where
    ``D > P + interest``. The holder of a put gains that interest and gives up the call and the dividends until expiry:
    assigned where ``interest > C + D``. Either is assigned where it sells for no more than its intrinsic value: bid and
    mid at or below. `P` and `C` are mids. Real holders are fewer and less careful; the rule is meant for the worse.
    """
    if not evening.price.is_finite() or evening.price <= 0:
        found = f"{evening.underlying} at {evening.price}"
        raise DataError("early exercise cannot be told", found=found, expected="the closing price of the share")
    settlements, untold = [], []
    for position in held:
        contract = position.instrument
        if not isinstance(contract, OptionContract) or not _is_exposed(position, contract, evening):
            continue
        verdicts = (_by_carry(contract, evening, quote_of), _by_price(contract, evening, quote_of))
        if True in verdicts:
            settlements.append(
                delivery(position, ts_ns=evening.now_ns, underlying_price=evening.price, share=share, is_early=True)
            )
        elif None in verdicts:
            untold.append(contract.symbol)
    return AssignmentReading(settlements=tuple(settlements), untold=tuple(untold))


def _is_exposed(position: PackagePosition, contract: OptionContract, evening: Evening) -> bool:
    terms = contract.series.product
    is_american = terms.exercise is ExerciseStyle.AMERICAN and not contract.is_cash_settled
    lives = contract.series.expiry_ns > evening.now_ns and contract.underlying == evening.underlying
    return position.quantity < 0 and is_american and lives and contract.intrinsic(evening.price) > 0


def _by_carry(
    contract: OptionContract, evening: Evening, quote_of: Callable[[OptionContract], Quote | None]
) -> bool | None:
    """Return whether exercise earns more than it gives up; None where the other right's price is missing."""
    expiry_ns, strike = contract.series.expiry_ns, float(contract.strike)
    interest = -strike * expm1(-evening.rate * (expiry_ns - evening.now_ns) / _YEAR_NS)
    until = evening.next_open_ns if contract.is_call else expiry_ns
    known = (notice for notice in evening.dividends if notice.announced_ns <= evening.now_ns)
    dividend = sum(
        float(notice.amount)
        for notice in known
        if notice.symbol == evening.underlying and evening.now_ns < notice.ex_ns <= until
    )
    gain = dividend - interest if contract.is_call else interest - dividend
    if gain <= 0.0:
        return False  # the other right is worth at least nothing
    other = quote_of(option_contract(contract.series, contract.strike, is_call=not contract.is_call))
    price = _mid(other, evening)
    return None if isnan(price) else gain > price


def _by_price(
    contract: OptionContract, evening: Evening, quote_of: Callable[[OptionContract], Quote | None]
) -> bool | None:
    """Return whether the market pays no more than exercise; None where it does not say what it pays."""
    quote = quote_of(contract)
    mid = _mid(quote, evening)
    if quote is None or isnan(mid):
        return None
    price = float(evening.price) if isnan(evening.quoted_price) else evening.quoted_price
    strike = float(contract.strike)
    worth = max(price - strike if contract.is_call else strike - price, 0.0)
    return quote.bid <= worth and mid <= worth


def _mid(quote: Quote | None, evening: Evening) -> float:
    if quote is None or quote.ts_ns < evening.quotes_from_ns:
        return nan
    return 0.5 * (quote.bid + quote.ask)
