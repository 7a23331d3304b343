"""What customers like to trade and to hold, told directly: shares by expiration, moneyness and right."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.simulated.groups import CustomerGroup
from market.errors import ConfigError

__all__ = ["Taste", "Tastes", "index_tastes"]

_ALL = tuple(CustomerGroup)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taste:
    """One kind of option that customers want: a bell in moneyness over a range of days, split into calls and puts.

    Parameters
    ----------
    weight : float
        Relative share of the group's contracts, > 0.
    first_day, last_day : int
        Calendar days to expiration, both included; 0 is the session itself.
    moneyness, width : float
        Centre and standard deviation of the bell, in standard deviations of the log price until expiry, for calls; puts
        lie on the other side of the forward.
    groups : tuple of CustomerGroup
        Who wants it; overwriters and speculators take its calls only, hedgers its puts.
    """

    weight: float
    first_day: int
    last_day: int
    moneyness: float = 0.0
    width: float = 1.0
    groups: tuple[CustomerGroup, ...] = _ALL

    def __post_init__(self) -> None:
        if not (self.weight > 0.0 and self.width > 0.0 and 0 <= self.first_day <= self.last_day and self.groups):
            raise ConfigError(
                "a taste of customers cannot be drawn",
                found=str(self),
                expected="weight > 0, width > 0, 0 <= first_day <= last_day and at least one group",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tastes:
    """What customers trade, and what they hold when the market starts: most of a day's trades see no night.

    Parameters
    ----------
    trades, holdings : tuple of Taste
        At least one for each group; a group's contracts are split by the weights of those that are listed.
    """

    trades: tuple[Taste, ...]
    holdings: tuple[Taste, ...]

    def __post_init__(self) -> None:
        for name in ("trades", "holdings"):
            lacking = set(_ALL) - {group for taste in getattr(self, name) for group in taste.groups}
            if lacking:
                raise ConfigError(
                    f"some customers have no taste among the {name}",
                    found=", ".join(sorted(group.name.lower() for group in lacking)),
                    expected="one for each group",
                )


def index_tastes() -> Tastes:
    """Return tastes near those of the customers of SPX options.

    Returns
    -------
    Tastes
        Half of the contracts that trade expire the same day, few of those that are held; what is held lies far out.

    Notes
    -----
    Shares are rounded from SPX sessions of 2023 and 2025; `benchmarks.realism_simulated` measures how far they are met.
    """
    trades = (
        Taste(weight=0.52, first_day=0, last_day=0, moneyness=0.5, width=1.1),
        Taste(weight=0.19, first_day=1, last_day=7, moneyness=0.9, width=1.0),
        Taste(weight=0.15, first_day=8, last_day=35, moneyness=1.3, width=1.1),
        Taste(weight=0.11, first_day=36, last_day=120, moneyness=1.4, width=1.2),
        Taste(weight=0.03, first_day=121, last_day=10_000, moneyness=1.3, width=1.3),
    )
    holdings = (
        Taste(weight=0.015, first_day=0, last_day=0, moneyness=1.2, width=1.4),
        Taste(weight=0.055, first_day=1, last_day=7, moneyness=1.5, width=1.4),
        Taste(weight=0.35, first_day=8, last_day=35, moneyness=1.8, width=1.5),
        Taste(weight=0.32, first_day=36, last_day=120, moneyness=1.8, width=1.6),
        Taste(weight=0.26, first_day=121, last_day=10_000, moneyness=1.6, width=1.7),
    )
    return Tastes(trades=trades, holdings=holdings)
