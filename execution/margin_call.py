"""Margin calls: when an account is read, whether it keeps its maintenance, and what a call was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from execution.holdings import PackagePosition
from market.errors import ConfigError
from market.tradables import Instrument, OptionContract, Share
from risk.margin.reg_t import RegTRules, strategy_margin

__all__ = [
    "CalledAccount",
    "CureBy",
    "MarginCall",
    "MarginCallRules",
    "ReadAt",
    "Standing",
    "is_kept",
    "margined_units",
    "standing",
]


class ReadAt(StrEnum):
    """When maintenance is read."""

    CLOSE = "close"  # at the close of each session of what is held
    ALWAYS = "always"  # at every instant of the account


class CureBy(StrEnum):
    """Until when the account may cure a call itself."""

    AT_ONCE = "at_once"  # the broker closes from the reading on, as most retail brokers do
    NEXT_CLOSE = "next_close"  # from the next close after the call on


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginCallRules:
    """How the broker keeps watch.

    Parameters
    ----------
    read_at : ReadAt
        When maintenance is read.
    cure_by : CureBy
        From when the broker closes.
    beyond : Decimal
        How far a closing limit lies beyond the closing side at the first attempt, as a fraction of it, >= 0; at the
        n-th attempt n times as far.
    beyond_least : Decimal
        The least of that distance at the first attempt, quote currency per unit, >= 0.

    Raises
    ------
    ConfigError
        A distance is not a finite number of 0 or more.
    """

    read_at: ReadAt = ReadAt.CLOSE
    cure_by: CureBy = CureBy.AT_ONCE
    beyond: Decimal = Decimal("0.02")
    beyond_least: Decimal = Decimal("0.05")

    def __post_init__(self) -> None:
        for name in ("beyond", "beyond_least"):
            value: Decimal = getattr(self, name)
            if not (value.is_finite() and value >= 0):
                raise ConfigError(
                    f"the margin call's {name} cannot be", found=str(value), expected="a finite number >= 0"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginCall:
    """A span in which an account did not keep its maintenance.

    Parameters
    ----------
    called_ns, deadline_ns : int
        When it was found, and from when the broker closes, ns since the epoch, UTC.
    equity, required : float
        Of the account at the call, account currency; infinite where it may not hold what it holds.
    n_orders : int
        Orders that the broker sent.
    cured_ns : int
        When maintenance held again, ns since the epoch, UTC; -1 where it never did.
    """

    called_ns: int
    deadline_ns: int
    equity: float
    required: float
    n_orders: int = 0
    cured_ns: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class CalledAccount:
    """What a call is judged by.

    Parameters
    ----------
    equity : Decimal
        Cash and marked value, account currency.
    positions : tuple of PackagePosition
        Shares and options of all packages.
    prices : mapping of str to Decimal
        Marks, and prices of underlyings, by symbol.
    rules : RegTRules
        Rates of the maintenance.
    elsewhere : float
        What perpetuals and futures keep of the equity, account currency.
    """

    equity: Decimal
    positions: tuple[PackagePosition, ...]
    prices: Mapping[str, Decimal]
    rules: RegTRules
    elsewhere: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Equity against maintenance.

    Parameters
    ----------
    equity : float
        Account currency.
    required : float
        Part of the equity that has to stay, account currency: the requirement with the value of options, and what
        perpetuals and futures keep. NaN where a price is missing, infinite where the account may not hold a position.
    requirement : float
        Of shares and options alone.
    reason : str
        Why it is missing or infinite; empty where it is a number.
    """

    equity: float
    required: float
    requirement: float
    reason: str = ""

    @property
    def excess(self) -> float:
        """Equity above what has to stay, account currency; NaN where it cannot be told."""
        return self.equity - self.required


def standing(account: CalledAccount) -> Standing:
    """Return equity and maintenance of an account.

    Parameters
    ----------
    account : CalledAccount
        What is held.

    Returns
    -------
    Standing
        NaN where a price is missing.
    """
    reading = strategy_margin(margined_units(account.positions), account.prices, account.rules)
    return Standing(
        equity=float(account.equity),
        required=reading.tied_equity + account.elsewhere,
        requirement=reading.requirement,
        reason=reading.reason,
    )


def is_kept(account: CalledAccount) -> bool:
    """Return whether the equity covers what each package requires alone; together they never require more.

    False says nothing: only all legs paired with all tell then. It spares most readings the pairing.
    """
    alone = account.elsewhere
    for package in dict.fromkeys(each.package_id for each in account.positions):
        own = [each for each in account.positions if each.package_id == package]
        alone += strategy_margin(margined_units(own), account.prices, account.rules).tied_equity
    return alone <= float(account.equity)


def margined_units(positions: Sequence[PackagePosition]) -> list[tuple[Instrument, Decimal]]:
    """Return the shares and options among positions, with their units."""
    return [
        (each.instrument, each.quantity) for each in positions if isinstance(each.instrument, Share | OptionContract)
    ]
