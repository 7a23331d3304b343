"""Margin of linear perpetuals: tiers, isolated and cross, exact prices of liquidation and bankruptcy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from market.errors import ConfigError, DataError

__all__ = [
    "CrossReading",
    "MaintenanceBasis",
    "MarginTier",
    "PerpetualPosition",
    "PerpetualReading",
    "PerpetualTerms",
    "cross_margin",
    "isolated_margin",
]

_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)
_NAN: Final = float("nan")


class MaintenanceBasis(StrEnum):
    """On which notional a venue takes the maintenance margin."""

    MARK = "mark"  # it moves with the price
    ENTRY = "entry"  # it is fixed when the position is opened


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginTier:
    """Rates up to some notional.

    Parameters
    ----------
    up_to : Decimal
        Notional up to which the tier holds, quote currency; infinite for the last.
    initial_rate : Decimal
        Least initial margin as a fraction of the whole notional: one over the largest leverage.
    maintenance_rate : Decimal
        Maintenance margin of the part of the notional that lies in the tier.
    """

    up_to: Decimal
    initial_rate: Decimal
    maintenance_rate: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpetualTerms:
    """What a venue asks for one perpetual; figures differ by venue and symbol and change, so that the user gives them.

    Parameters
    ----------
    tiers : tuple of MarginTier
        Ends rising, the last infinite; rates not falling.
    fee_rate : Decimal
        What the closing trade of a liquidation costs, fraction of its notional.
    basis : MaintenanceBasis
        Notional at the mark or at the entry.

    Raises
    ------
    ConfigError
        Tiers or rates that cannot be.
    """

    tiers: tuple[MarginTier, ...]
    fee_rate: Decimal = _ZERO
    basis: MaintenanceBasis = MaintenanceBasis.MARK

    def __post_init__(self) -> None:
        ends = [tier.up_to for tier in self.tiers]
        rates = [tier.maintenance_rate for tier in self.tiers]
        firsts = [tier.initial_rate for tier in self.tiers]
        if not ends or ends != sorted(set(ends)) or ends[-1].is_finite() or ends[0] <= 0:
            raise ConfigError("tiers of a perpetual cannot be", found=str(ends), expected="rising, the last infinite")
        if rates != sorted(rates) or firsts != sorted(firsts) or rates[0] <= 0 or rates[-1] + self.fee_rate >= 1:
            raise ConfigError("rates of a perpetual cannot be", found=str(rates), expected="not falling, in (0, 1)")
        if any(first <= rate for first, rate in zip(firsts, rates, strict=True)) or self.fee_rate < 0:
            raise ConfigError("a position could be opened that is liquidated at once", found=f"{firsts}, {rates}")

    def maintenance(self, notional: Decimal) -> Decimal:
        """Return the maintenance margin of a notional, each part at its tier's rate; continuous in the notional."""
        rate, deduction = self.tier_at(notional)
        return notional * rate - deduction

    def tier_at(self, notional: Decimal) -> tuple[Decimal, Decimal]:
        """Return the rate at a notional, and what the lower tiers take off."""
        deduction = start = below = _ZERO
        for tier in self.tiers:
            deduction += start * (tier.maintenance_rate - below)
            if notional <= tier.up_to:
                return tier.maintenance_rate, deduction
            start, below = tier.up_to, tier.maintenance_rate
        raise DataError("a notional cannot be", found=str(notional), expected="a number")

    def initial(self, notional: Decimal, leverage: Decimal) -> Decimal:
        """Return the initial margin of a notional at a leverage, at least the tier's own.

        Parameters
        ----------
        notional : Decimal
            Quote currency, >= 0.
        leverage : Decimal
            Notional over margin that was chosen, >= 1.

        Returns
        -------
        Decimal
            Quote currency.
        """
        if not leverage >= 1:
            raise ConfigError("a leverage cannot be", found=str(leverage), expected=">= 1")
        tier = next(tier for tier in self.tiers if notional <= tier.up_to)
        return notional * max(_ONE / leverage, tier.initial_rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpetualPosition:
    """One open position.

    Parameters
    ----------
    symbol : str
        The perpetual.
    quantity : Decimal
        Coins, positive long, negative short; never 0.
    entry_price : Decimal
        Average price of the open quantity, > 0.
    collateral : Decimal
        Margin that is set aside for it alone, quote currency; 0 where it shares the wallet.
    """

    symbol: str
    quantity: Decimal
    entry_price: Decimal
    collateral: Decimal = _ZERO

    def __post_init__(self) -> None:
        if not self.quantity.is_finite() or not self.quantity or not self.entry_price > 0 or self.collateral < 0:
            raise DataError(
                "a perpetual's position cannot be",
                found=f"{self.quantity} {self.symbol} from {self.entry_price} with {self.collateral}",
                expected="a quantity other than 0, an entry above 0, collateral >= 0",
            )

    def unrealised(self, mark: Decimal) -> Decimal:
        """Return the profit at a mark, quote currency."""
        return self.quantity * (mark - self.entry_price)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpetualReading:
    """Margin of one position; numbers are NaN where the mark is missing.

    Parameters
    ----------
    symbol : str
        The perpetual.
    maintenance : float
        Maintenance margin and closing fee, quote currency.
    margin : float
        What stands against it: collateral or wallet with all profits, less what other positions need.
    liquidation_price : float
        Mark at which the two are equal; 0 for a long position that cannot be liquidated.
    bankruptcy_price : float
        Mark at which the margin is gone, before the closing fee.
    distance_from_mark : float
        To the liquidation price, as a fraction of the mark; shrinks as the market moves against us, negative behind it.
    distance_from_entry : float
        The same as a fraction of the entry price: fixed while margin and quantity are.
    is_liquidated : bool
        Whether the margin is no more than the maintenance; False where the mark is missing, see `reason`.
    reason : str
        Why numbers are missing.
    """

    symbol: str
    maintenance: float
    margin: float
    liquidation_price: float
    bankruptcy_price: float
    distance_from_mark: float
    distance_from_entry: float
    is_liquidated: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossReading:
    """Positions that share one wallet.

    Parameters
    ----------
    equity : float
        Wallet and all profits, quote currency.
    maintenance : float
        Sum over positions, with closing fees.
    is_liquidated : bool
        Whether equity is no more than maintenance.
    positions : tuple of PerpetualReading
        Each with the price at which it alone would bring the wallet down, other marks unchanged.
    reason : str
        Why numbers are missing.
    """

    equity: float
    maintenance: float
    is_liquidated: bool
    positions: tuple[PerpetualReading, ...]
    reason: str = ""


def isolated_margin(position: PerpetualPosition, mark: Decimal | None, terms: PerpetualTerms) -> PerpetualReading:
    """Return the margin of a position whose loss stops at its own collateral.

    Parameters
    ----------
    position : PerpetualPosition
        With its collateral.
    mark : Decimal or None
        Mark price; None or NaN where it is missing.
    terms : PerpetualTerms
        Tiers and fee.

    Returns
    -------
    PerpetualReading
        The prices of liquidation and bankruptcy do not need the mark.

    Notes
    -----
    With side ``s``, size ``a``, entry ``E``, collateral ``M``, and the tier's rate ``m`` and deduction ``d``, margin
    and maintenance are equal where ``M + s a (P - E) = a P (m + f) - d``, so that
    ``P = (s a E - M - d) / (a (s - m - f))`` in the one tier that holds ``a P``. On the basis of the entry the
    maintenance is fixed; without fee a short at 25 times and 0.5 % is then liquidated 1/25 - 0.005 = 3.5 % above its
    entry, whatever the market does, and 3.483 % on the basis of the mark.
    """
    return _reading(position, mark, terms, position.collateral)


def cross_margin(
    positions: Sequence[PerpetualPosition],
    marks: Mapping[str, Decimal],
    terms: Mapping[str, PerpetualTerms],
    wallet: Decimal,
) -> CrossReading:
    """Return the margin of positions that share a wallet.

    Parameters
    ----------
    positions : sequence of PerpetualPosition
        Each symbol once; their own collateral is not used.
    marks : mapping of str to Decimal
        Mark prices by symbol.
    terms : mapping of str to PerpetualTerms
        Tiers and fees by symbol.
    wallet : Decimal
        Money without unrealised profit, quote currency.

    Returns
    -------
    CrossReading
        NaN with a reason where a mark is missing: one unknown position leaves the whole wallet unknown.

    Raises
    ------
    ConfigError
        A position has no terms.
    """
    unknown = sorted(item.symbol for item in positions if item.symbol not in terms)
    if unknown:
        raise ConfigError("margin of perpetuals has no terms", found=", ".join(unknown), action="give their tiers")
    missing = sorted(item.symbol for item in positions if not _known(marks.get(item.symbol)))
    if missing:
        return CrossReading(
            equity=_NAN,
            maintenance=_NAN,
            is_liquidated=False,
            positions=(),
            reason=f"no mark of {', '.join(missing)}",
        )
    profit = {item.symbol: item.unrealised(marks[item.symbol]) for item in positions}
    needed = {item.symbol: _needed(item, marks[item.symbol], terms[item.symbol]) for item in positions}
    equity = wallet + sum(profit.values(), _ZERO)
    total = sum(needed.values(), _ZERO)
    readings = tuple(
        _reading(
            item,
            marks[item.symbol],
            terms[item.symbol],
            equity - profit[item.symbol] - (total - needed[item.symbol]),
        )
        for item in positions
    )
    return CrossReading(
        equity=float(equity),
        maintenance=float(total),
        is_liquidated=bool(positions) and equity <= total,
        positions=readings,
    )


def _known(mark: Decimal | None) -> bool:
    return mark is not None and mark.is_finite() and mark > 0


def _needed(position: PerpetualPosition, mark: Decimal, terms: PerpetualTerms) -> Decimal:
    """Return maintenance and closing fee at a mark."""
    size = abs(position.quantity)
    basis = position.entry_price if terms.basis is MaintenanceBasis.ENTRY else mark
    return terms.maintenance(size * basis) + size * mark * terms.fee_rate


def _reading(
    position: PerpetualPosition, mark: Decimal | None, terms: PerpetualTerms, margin: Decimal
) -> PerpetualReading:
    liquidation = _liquidation_price(position, terms, margin)
    bankruptcy = max(position.entry_price - margin / position.quantity, _ZERO)
    away = liquidation - position.entry_price if position.quantity < 0 else position.entry_price - liquidation
    if mark is None or not _known(mark):
        return PerpetualReading(
            symbol=position.symbol,
            maintenance=_NAN,
            margin=_NAN,
            liquidation_price=float(liquidation),
            bankruptcy_price=float(bankruptcy),
            distance_from_mark=_NAN,
            distance_from_entry=float(away / position.entry_price),
            is_liquidated=False,
            reason=f"no mark of {position.symbol}",
        )
    needed, held = _needed(position, mark, terms), margin + position.unrealised(mark)
    left = liquidation - mark if position.quantity < 0 else mark - liquidation
    return PerpetualReading(
        symbol=position.symbol,
        maintenance=float(needed),
        margin=float(held),
        liquidation_price=float(liquidation),
        bankruptcy_price=float(bankruptcy),
        distance_from_mark=float(left / mark),
        distance_from_entry=float(away / position.entry_price),
        is_liquidated=held <= needed,
    )


def _liquidation_price(position: PerpetualPosition, terms: PerpetualTerms, margin: Decimal) -> Decimal:
    """Return the mark at which margin and maintenance are equal, 0 where a long position has none."""
    size, side = abs(position.quantity), _ONE if position.quantity > 0 else -_ONE
    paid = position.quantity * position.entry_price
    if terms.basis is MaintenanceBasis.ENTRY:
        fixed = terms.maintenance(size * position.entry_price)
        return max((paid - margin + fixed) / (size * (side - terms.fee_rate)), _ZERO)
    # What is left falls all along with an adverse price, so that exactly one tier holds its own solution.
    for tier in terms.tiers:
        rate, deduction = terms.tier_at(tier.up_to)
        price = (paid - margin - deduction) / (size * (side - rate - terms.fee_rate))
        if size * price <= tier.up_to:
            return max(price, _ZERO)
    raise DataError("a liquidation price was not found", found=str(position), expected="tiers up to infinity")
