"""The gate before the venue: an intent passes all limits, or is denied by name; a reduction always passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from math import isfinite
from typing import Final, final

from market.errors import ConfigError, DataError
from market.orders import OrderIntent, PositionEffect
from risk.limits.orders import (
    BuyingPowerLimit,
    DuplicateLimit,
    EntryCutoff,
    ExplainedLimit,
    InputAgeLimit,
    Limit,
    LossLimit,
    NotionalLimit,
    OpenPackageLimit,
    OrderFacts,
    PriceCollar,
    QuantityLimit,
    RateLimit,
    StateLimit,
    TradingState,
)

__all__ = ["Breach", "PretradeGate", "PretradeLimits", "Verdict"]

_ZERO: Final = Decimal(0)
_DUST: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A limit that an intent does not keep.

    Parameters
    ----------
    limit : str
        Its name.
    value : float
        What was found; NaN where it cannot be told.
    bound : float
        What it was held against; NaN where it cannot be told.
    reason : str
        In words.
    """

    limit: str
    value: float
    bound: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the gate says of one intent.

    Parameters
    ----------
    breaches : tuple of Breach
        Every limit that denies it, in the order of the table; empty where it may go.
    is_reduction : bool
        Whether it passed as a reduction, without the limits.
    most_quantity : Decimal or None
        Of a denied intent the largest quantity that would pass, 0 where none would; None where nobody asked.
    """

    breaches: tuple[Breach, ...] = ()
    is_reduction: bool = False
    most_quantity: Decimal | None = None

    @property
    def is_allowed(self) -> bool:
        """Whether the intent may go."""
        return not self.breaches

    @property
    def binding(self) -> Breach | None:
        """The first limit that denies it; None where it may go."""
        return self.breaches[0] if self.breaches else None

    @property
    def reason(self) -> str:
        """The binding limit in words, and the quantity that would pass; empty where it may go."""
        if not self.breaches:
            return ""
        most = "" if self.most_quantity is None else f"; at most {self.most_quantity:f} would pass"
        return self.breaches[0].reason + most


_ALLOWED: Final = Verdict()
_REDUCES: Final = Verdict(is_reduction=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class PretradeLimits:
    """Bounds of the gate; a bound of None has no row. State, duplicates and buying power always have theirs.

    Parameters
    ----------
    collar_fraction : float or None
        Distance of a limit beyond the far sides of the quotes, as a fraction of the gross price of shares, perpetuals
        and futures; None for no collar.
    collar_premium : float
        The same of options.
    collar_least : float
        The same, quote currency per unit.
    collar_spreads : float
        The same, in half spreads of the package. The widest of the three is allowed; a slipped digit never is.
    most_quantity : float or None
        Units of the largest leg of an order.
    most_notional : float or None
        Worth of an order at the mids, account currency.
    most_loss : float or None
        Worst loss of an order at expiry, account currency.
    most_packages : int or None
        Open packages.
    orders_per_second, order_burst : float or None
        Token bucket; both or neither.
    most_input_age_s : float or None
        Age of the oldest input, seconds.
    cutoff_minutes : float or None
        Minutes before the close from which no short-dated option is opened.
    short_dated_days : float
        What short-dated means.

    Raises
    ------
    ConfigError
        A bound is not a finite number of its range.
    """

    collar_fraction: float | None = 0.10
    collar_premium: float = 0.50
    collar_least: float = 0.10
    collar_spreads: float = 2.0
    most_quantity: float | None = None
    most_notional: float | None = None
    most_loss: float | None = None
    most_packages: int | None = None
    orders_per_second: float | None = None
    order_burst: float | None = None
    most_input_age_s: float | None = None
    cutoff_minutes: float | None = None
    short_dated_days: float = 1.0

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if value is not None and not (isfinite(value) and value >= 0.0):
                raise ConfigError(f"the limit {item.name} cannot be", found=str(value), expected="a finite number >= 0")
        if (self.orders_per_second is None) != (self.order_burst is None):
            raise ConfigError("an order rate needs both its bounds", found="one", expected="rate and burst, or neither")
        if self.orders_per_second == 0.0 or (self.order_burst is not None and self.order_burst < 1.0):
            raise ConfigError("an order rate lets nothing through", expected="rate > 0 and burst >= 1")

    def rows(self) -> tuple[Limit, ...]:
        """Return the table, in the order in which a denial names its binding row."""
        rows: list[Limit] = [StateLimit(), DuplicateLimit()]
        if self.most_input_age_s is not None:
            rows.append(InputAgeLimit(most_s=self.most_input_age_s))
        if self.cutoff_minutes is not None:
            rows.append(EntryCutoff(least_minutes=self.cutoff_minutes, short_dated_days=self.short_dated_days))
        if self.orders_per_second is not None:
            rows.append(RateLimit())
        if self.collar_fraction is not None:
            rows.append(
                PriceCollar(
                    fraction=self.collar_fraction,
                    premium=self.collar_premium,
                    least=self.collar_least,
                    spreads=self.collar_spreads,
                )
            )
        if self.most_quantity is not None:
            rows.append(QuantityLimit(most=self.most_quantity))
        if self.most_notional is not None:
            rows.append(NotionalLimit(most=self.most_notional))
        if self.most_loss is not None:
            rows.append(LossLimit(most=self.most_loss))
        if self.most_packages is not None:
            rows.append(OpenPackageLimit(most=self.most_packages))
        rows.append(BuyingPowerLimit())
        return tuple(rows)


@final
class PretradeGate:
    """Holds every intent against a table of limits.

    Parameters
    ----------
    limits : PretradeLimits
        Bounds.
    more : sequence of Limit
        Further rows. A row can only deny, so that none of them ever permits more.
    first : sequence of Limit
        Further rows that stand before all others, so that they are named as binding.

    Notes
    -----
    A *reduction* closes, was not let through before, and trades in each leg against what its package holds and no
    more than that; further it takes all of the package in proportion, or only buys back what is short. Selling the
    long side of a spread alone is therefore none: it leaves the short side naked, and has to pass the limits.
    A closing order that is more than the package holds is denied whatever else it is. Where the account may only
    reduce, buying back a short leg alone is no reduction if it is known to make the package's delta larger, as it does
    in a spread deep in the money.
    """

    def __init__(self, limits: PretradeLimits, more: Sequence[Limit] = (), *, first: Sequence[Limit] = ()) -> None:
        self._rows = (*first, *limits.rows(), *more)

    @property
    def rows(self) -> tuple[Limit, ...]:
        """The table."""
        return self._rows

    def check(self, intent: OrderIntent, facts: OrderFacts) -> Verdict:
        """Say whether an intent may go.

        Parameters
        ----------
        intent : OrderIntent
            What is asked.
        facts : OrderFacts
            Account and market at this instant.

        Returns
        -------
        Verdict
            With every limit that denies it; NaN is denied.

        Raises
        ------
        DataError
            The prices are not those of the intent's legs.
        """
        if len(facts.leg_prices) != len(intent.legs):
            raise DataError(
                "an intent is checked with the prices of other legs",
                found=f"{len(facts.leg_prices)} prices",
                expected=f"{len(intent.legs)}",
            )
        over: list[Breach] = []
        if intent.effect is PositionEffect.CLOSE:
            excess = _excess(intent, facts.package)
            if excess > _ZERO:
                over.append(_turned(excess))
            elif self.is_reduction(intent, facts):
                return _REDUCES
        for row in self._rows:
            value, bound = row.measure(intent, facts)
            # Written so that a NaN on either side denies.
            if not (value >= bound if row.is_floor else value <= bound):
                over.append(_breach(row, value, bound, facts))
        return Verdict(breaches=tuple(over)) if over else _ALLOWED

    def is_reduction(self, intent: OrderIntent, facts: OrderFacts) -> bool:
        """Return whether an intent passes without the limits."""
        if intent.effect is not PositionEffect.CLOSE or intent.intent_id in facts.seen:
            return False
        if _excess(intent, facts.package) > _ZERO:
            return False
        if _is_in_proportion(intent, facts.package):
            return True
        before, after = facts.stake.package_delta
        grows = after > before * (1.0 + _DUST) + _DUST and facts.state is not TradingState.ACTIVE
        return all(leg.ratio > 0 for leg in intent.legs) and not grows


def _excess(intent: OrderIntent, package: Mapping[str, Decimal]) -> Decimal:
    """Return by how many units a closing order is more than what its package holds, 0 where it is not."""
    worst = _ZERO
    for leg in intent.legs:
        units = leg.ratio * intent.quantity
        held = package.get(leg.instrument.symbol, _ZERO)
        left = -held if units > 0 else held  # what may be traded against
        worst = max(worst, abs(units) - max(left, _ZERO) if left.is_finite() else abs(units))
    return worst


def _is_in_proportion(intent: OrderIntent, package: Mapping[str, Decimal]) -> bool:
    """Whether a closing order takes the same part of all that its package holds."""
    traded = {leg.instrument.symbol: leg.ratio for leg in intent.legs}
    held = {symbol: units for symbol, units in package.items() if units != 0}
    if traded.keys() != held.keys():
        return False
    first = next(iter(traded))
    return all(traded[symbol] * held[first] == traded[first] * units for symbol, units in held.items())


def _turned(excess: Decimal) -> Breach:
    return Breach(
        limit="close_beyond_position",
        value=float(excess),
        bound=0.0,
        reason="a closing order is more than its package holds and would turn it",
    )


def _breach(row: Limit, value: float, bound: float, facts: OrderFacts) -> Breach:
    if value != value or bound != bound:  # noqa: PLR0124  # NaN is the only number unlike itself
        why = row.why_untold(facts) if isinstance(row, ExplainedLimit) else ""
        reason = f"{row.name} cannot be told" + (f": {why}" if why else "")
    else:
        found, held = f"{value:g}", f"{bound:g}"
        beyond = "has reached" if found == held else "is below" if row.is_floor else "is above"
        reason = f"{row.name} {found} {beyond} {held}"
    return Breach(limit=row.name, value=value, bound=bound, reason=reason)
