"""Strategy margin of US accounts: what shares and options tie up, with the pairing that was counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from market.errors import DataError, NumericsError
from market.instruments import ExerciseStyle
from market.tradables import Instrument, OptionContract, Share
from risk.margin.pairing import Cover, PairingResult, Short, best_pairing

__all__ = [
    "AccountKind",
    "MarginReading",
    "MarginStage",
    "PairedLegs",
    "PairingKind",
    "RegTRules",
    "buying_power_effect",
    "strategy_margin",
]

_ZERO: Final = Decimal(0)
_UNBOUNDED: Final = Decimal("Infinity")
_NAN: Final = float("nan")
Positions = Iterable[tuple[Instrument, Decimal]]


class AccountKind(StrEnum):
    """Whether the broker lends."""

    MARGIN = "margin"
    CASH = "cash"  # shares in full, puts secured by cash, calls by shares


class MarginStage(StrEnum):
    """At which time a requirement holds."""

    INITIAL = "initial"  # to open
    MAINTENANCE = "maintenance"  # to keep


class PairingKind(StrEnum):
    """How legs were counted."""

    LONG = "long"  # paid in full
    SPREAD = "spread"
    NAKED = "naked"
    STRADDLE = "straddle"  # naked call and put, the greater side and the other's value
    COVERED = "covered"
    PROTECTED = "protected"
    SHARES = "shares"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegTRules:
    """Rates as fractions; the minimum that exchanges and FINRA ask, and brokers may ask more.

    Parameters
    ----------
    account : AccountKind
        Margin or cash.
    stage : MarginStage
        Initial or maintenance; they differ for shares.
    equity_rate, broad_rate : Decimal
        Of the underlying's value, for naked options on shares, funds and narrow indices, and on broad indices.
    least_rate : Decimal
        Of the underlying's value for calls, of the strike for puts, below which no naked requirement falls.
    initial_rate : Decimal
        Of the value of shares, long and short: Regulation T.
    long_maintenance, short_maintenance : Decimal
        Of the value of shares.
    broad : frozenset of str
        Underlyings that count as broad indices. Funds on them are not among them unless they are named here, which
        asks more than the exchanges do.

    References
    ----------
    .. [finra_4210] docs/references.bib
    .. [cboe_margin_manual_2000] docs/references.bib
    .. [regulation_t] docs/references.bib
    """

    account: AccountKind = AccountKind.MARGIN
    stage: MarginStage = MarginStage.INITIAL
    equity_rate: Decimal = Decimal("0.20")
    broad_rate: Decimal = Decimal("0.15")
    least_rate: Decimal = Decimal("0.10")
    initial_rate: Decimal = Decimal("0.50")
    long_maintenance: Decimal = Decimal("0.25")
    short_maintenance: Decimal = Decimal("0.30")
    broad: frozenset[str] = frozenset({"SPX", "XSP", "NDX", "XND", "RUT", "MRUT", "DJX", "OEX", "XEO"})

    def share_rate(self, *, is_long: bool) -> Decimal:
        """Return the part of shares' value that is required, infinite where they may not be held so."""
        if self.account is AccountKind.CASH:
            return Decimal(1) if is_long else _UNBOUNDED
        if self.stage is MarginStage.INITIAL:
            return self.initial_rate
        return self.long_maintenance if is_long else self.short_maintenance


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedLegs:
    """Legs that were counted together.

    Parameters
    ----------
    kind : PairingKind
        How.
    units : tuple of (str, Decimal)
        Symbols and signed units.
    requirement : Decimal
        What they add, account currency; the relief of protected shares is negative.
    """

    kind: PairingKind
    units: tuple[tuple[str, Decimal], ...]
    requirement: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginReading:
    """What positions require, and why.

    Parameters
    ----------
    requirement : float
        Account currency, >= 0: what must lie there besides the options, whose premium was paid or received in cash.
        NaN where a price is missing; infinite where the account may not hold the positions.
    option_value : float
        Marked value of all options, short ones negative; NaN where a price is missing.
    pairings : tuple of PairedLegs
        Every unit of every position in one place; shares that cover stand also with their options.
    reason : str
        Why the requirement is missing or infinite; empty where it is a number.
    is_best : bool
        False where a tangled book was charged by a good pairing, not the proved best: too much, never too little.
    """

    requirement: float
    option_value: float
    pairings: tuple[PairedLegs, ...] = ()
    reason: str = ""
    is_best: bool = True

    @property
    def tied_equity(self) -> float:
        """Part of the account's equity that is not free: requirement plus option value.

        Long options have no loan value, and the proceeds of short ones stay as security.
        """
        return self.requirement + self.option_value

    def buying_power(self, equity: float) -> float:
        """Return the equity that new positions may tie up; NaN where margin cannot be told."""
        return equity - self.tied_equity


def strategy_margin(positions: Positions, prices: Mapping[str, Decimal], rules: RegTRules) -> MarginReading:
    """Return the least requirement of an account's shares and options, all legs paired with all.

    Parameters
    ----------
    positions : iterable of (Instrument, Decimal)
        Signed units; shares and option contracts.
    prices : mapping of str to Decimal
        Marks of options and shares, and the price of each underlying, by symbol.
    rules : RegTRules
        Rates.

    Returns
    -------
    MarginReading
        Requirement, option value and pairing; NaN with a reason where a price is missing.

    Raises
    ------
    DataError
        A position is neither share nor option, or a fraction of a contract.

    Notes
    -----
    Long options are paid in full. A naked option requires its value and the larger of ``rate x underlying - amount
    out of the money`` and ``least_rate x underlying`` (of the strike for puts); a naked call and put together the
    larger requirement and the other's value. Spreads of any number of legs require their largest loss at expiry. A
    call that long shares cover, and a put that short shares cover, require nothing, but the shares count at the strike
    where that is worse. Left out, which asks more: the 75 % of long options with more than nine months, conversions
    and collars as one position, and warrants or other securities as cover [finra_4210]_.

    References
    ----------
    .. [finra_4210] docs/references.bib
    .. [cboe_margin_manual_2000] docs/references.bib
    """
    held = _netted(positions)
    missing = _missing(held, prices)
    if missing:
        return MarginReading(requirement=_NAN, option_value=_NAN, reason=f"no price of {', '.join(missing)}")
    value = _option_value(held, prices)
    found: list[PairedLegs] = []
    is_best = True
    try:
        for underlying in sorted({item.underlying for item, _ in held}):
            rows = [row for row in held if row[0].underlying == underlying]
            paired, proved = _of_underlying(rows, prices, rules)
            found += paired
            is_best &= proved
    except NumericsError as error:
        return MarginReading(requirement=float("inf"), option_value=value, reason=error.what)
    total = sum((paired.requirement for paired in found), _ZERO)
    reason = "" if total.is_finite() else "a short position may not be held in this account"
    return MarginReading(
        requirement=float(total), option_value=value, pairings=tuple(found), reason=reason, is_best=is_best
    )


def buying_power_effect(
    positions: Positions,
    added: Positions,
    prices: Mapping[str, Decimal],
    rules: RegTRules,
    *,
    paid_over_marks: Decimal = _ZERO,
) -> float:
    """Return how much buying power positions take when they join an account.

    Parameters
    ----------
    positions, added : iterable of (Instrument, Decimal)
        What is held, and what an order would add, with its sign.
    prices : mapping of str to Decimal
        As in `strategy_margin`.
    rules : RegTRules
        Rates.
    paid_over_marks : Decimal
        What the order costs at its limit price beyond the marks, with fees, account currency.

    Returns
    -------
    float
        Change of the tied equity and what is lost against the marks; negative where the order frees some, NaN where a
        price is missing.
    """
    before = list(positions)
    after = [*before, *added]
    taken = strategy_margin(after, prices, rules).tied_equity - strategy_margin(before, prices, rules).tied_equity
    return taken + float(paid_over_marks)


def _netted(positions: Positions) -> list[tuple[Share | OptionContract, Decimal]]:
    """Sum equal instruments and sort by symbol, so that the order of the positions decides nothing."""
    units: dict[str, Decimal] = {}
    items: dict[str, Share | OptionContract] = {}
    for item, quantity in positions:
        if not isinstance(item, Share | OptionContract):
            raise DataError(
                "strategy margin knows shares and options",
                found=item.symbol,
                action="margin perpetuals with risk.margin.perpetual",
            )
        if isinstance(item, OptionContract) and quantity != quantity.to_integral_value():
            raise DataError(
                "a fraction of a contract cannot be held",
                found=f"{quantity} {item.symbol}",
                expected="a whole number of contracts",
            )
        items[item.symbol] = item
        units[item.symbol] = units.get(item.symbol, _ZERO) + quantity
    return [(items[symbol], units[symbol]) for symbol in sorted(units) if units[symbol]]


def _missing(held: Sequence[tuple[Share | OptionContract, Decimal]], prices: Mapping[str, Decimal]) -> list[str]:
    """Name what has no finite price: marks of all positions, and the underlyings of short options and shares."""
    needed = {item.symbol for item, _ in held}
    needed |= {item.underlying for item, quantity in held if quantity < 0 or isinstance(item, Share)}
    return sorted(symbol for symbol in needed if not _known(prices.get(symbol)))


def _known(price: Decimal | None) -> bool:
    return price is not None and price.is_finite() and price >= 0


def _option_value(held: Sequence[tuple[Share | OptionContract, Decimal]], prices: Mapping[str, Decimal]) -> float:
    return float(
        sum(
            (
                quantity * item.multiplier * prices[item.symbol]
                for item, quantity in held
                if isinstance(item, OptionContract)
            ),
            _ZERO,
        )
    )


def _of_underlying(
    held: Sequence[tuple[Share | OptionContract, Decimal]], prices: Mapping[str, Decimal], rules: RegTRules
) -> tuple[list[PairedLegs], bool]:
    options = [(item, int(quantity)) for item, quantity in held if isinstance(item, OptionContract)]
    shares = sum((quantity for item, quantity in held if isinstance(item, Share)), _ZERO)
    sold = [(item, -count) for item, count in options if count < 0]
    longs = tuple((item, count) for item, count in options if count > 0)
    found: list[PairedLegs] = []
    price = prices.get(held[0][0].underlying, _ZERO)
    if shares:
        rate = rules.share_rate(is_long=shares > 0)
        required = abs(shares) * price * rate if rate.is_finite() else _UNBOUNDED
        found.append(_paired(PairingKind.SHARES, [(held[0][0].underlying, shares)], required))
    if not options:
        return found, True  # most accounts of shares are asked at every order
    pairs_by_expiry = rules.account is AccountKind.CASH
    spread_longs = longs if not pairs_by_expiry else tuple(row for row in longs if _pairs_in_cash(row[0]))
    shorts = [_short(item, count, shares, price, prices[item.symbol], rules) for item, count in sold]
    cover = _cover(shares, longs, price, rules)
    result = (
        best_pairing(shorts, spread_longs, cover, same_expiry=pairs_by_expiry)
        if shorts or (cover is not None and cover.protected)
        else PairingResult()
    )
    found += _explained(result, shorts, cover)
    return found + _unpaired(longs, result), result.is_best


def _pairs_in_cash(contract: OptionContract) -> bool:
    """Whether a cash account may count it as the long side of a spread: European and settled in cash."""
    return contract.is_cash_settled and contract.series.product.exercise is ExerciseStyle.EUROPEAN


def _short(
    contract: OptionContract, count: int, shares: Decimal, price: Decimal, mark: Decimal, rules: RegTRules
) -> Short:
    covers = shares > 0 if contract.is_call else shares < 0
    return Short(
        contract=contract,
        count=count,
        naked=_naked(contract, price, mark, rules),
        value=mark * contract.multiplier,
        covered=_covered(contract, price, rules) if covers and not contract.is_cash_settled else _UNBOUNDED,
    )


def _naked(contract: OptionContract, price: Decimal, mark: Decimal, rules: RegTRules) -> Decimal:
    """Return what one short contract requires alone."""
    if rules.account is AccountKind.CASH:
        return _UNBOUNDED if contract.is_call else contract.strike * contract.multiplier
    rate = rules.broad_rate if contract.underlying in rules.broad else rules.equity_rate
    out = max(contract.strike - price if contract.is_call else price - contract.strike, _ZERO)
    least = rules.least_rate * (price if contract.is_call else contract.strike)
    return (mark + max(rate * price - out, least)) * contract.multiplier


def _covered(contract: OptionContract, price: Decimal, rules: RegTRules) -> Decimal:
    """Return what covered shares require more than alone: they count at the strike where that is worse for us."""
    if rules.account is AccountKind.CASH:
        return _ZERO  # the shares are paid in full and have no loan value
    rate = rules.share_rate(is_long=contract.is_call)
    if contract.is_call:
        return (1 - rate) * max(price - contract.strike, _ZERO) * contract.multiplier
    return (1 + rate) * max(contract.strike - price, _ZERO) * contract.multiplier


def _cover(
    shares: Decimal, longs: tuple[tuple[OptionContract, int], ...], price: Decimal, rules: RegTRules
) -> Cover | None:
    if not shares:
        return None
    is_long = shares > 0
    if rules.account is AccountKind.CASH or rules.stage is MarginStage.INITIAL:
        return Cover(shares=abs(shares), is_long=is_long)
    base = rules.share_rate(is_long=is_long) * price
    protected = []
    for contract, _ in longs:
        if contract.is_call == is_long or contract.is_cash_settled:
            continue
        out = max(price - contract.strike if is_long else contract.strike - price, _ZERO)
        relief = (base - (rules.least_rate * contract.strike + out)) * contract.multiplier
        if relief > 0:
            protected.append((contract, relief))
    return Cover(shares=abs(shares), is_long=is_long, protected=tuple(protected))


def _paired(kind: PairingKind, units: Iterable[tuple[str, Decimal]], requirement: Decimal) -> PairedLegs:
    return PairedLegs(kind=kind, units=tuple(units), requirement=requirement)


def _explained(result: PairingResult, shorts: Sequence[Short], cover: Cover | None) -> list[PairedLegs]:
    """Say of every paired unit how it was counted, in exact money."""
    by_contract = {short.contract: short for short in shorts}
    relief = dict(cover.protected) if cover is not None else {}
    found = [
        _paired(PairingKind.SPREAD, [(item.symbol, Decimal(count)) for item, count in units], loss)
        for units, loss in result.spreads
    ]
    alone = dict(result.naked)
    for call, put, count in result.straddles:
        alone[call] -= count
        alone[put] -= count
        one, other = sorted((by_contract[call], by_contract[put]), key=lambda short: short.naked)
        units = [(call.symbol, Decimal(-count)), (put.symbol, Decimal(-count))]
        found.append(_paired(PairingKind.STRADDLE, units, (other.naked + one.value) * count))
    found += [
        _paired(PairingKind.NAKED, [(item.symbol, Decimal(-count))], by_contract[item].naked * count)
        for item, count in alone.items()
        if count
    ]
    sign = 1 if cover is not None and cover.is_long else -1
    found += [
        _paired(
            PairingKind.COVERED,
            [(item.symbol, Decimal(-count)), (item.underlying, sign * item.multiplier * count)],
            by_contract[item].covered * count,
        )
        for item, count in result.covered
    ]
    found += [
        _paired(
            PairingKind.PROTECTED,
            [(item.symbol, Decimal(count)), (item.underlying, sign * item.multiplier * count)],
            -relief[item] * count,
        )
        for item, count in result.protecting
    ]
    return found


def _unpaired(longs: tuple[tuple[OptionContract, int], ...], result: PairingResult) -> list[PairedLegs]:
    left = dict(longs)
    for units, _ in result.spreads:
        for contract, count in units:
            if count > 0:
                left[contract] -= count
    for contract, count in result.protecting:
        left[contract] -= count
    return [
        _paired(PairingKind.LONG, [(contract.symbol, Decimal(count))], _ZERO)
        for contract, count in left.items()
        if count
    ]
