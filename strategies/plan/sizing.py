"""How many packages: the smallest of independent ceilings, rounded down; none can lift another, and 0 is legal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from math import floor, inf, isfinite, isnan, nan

from risk.book import PortfolioGreeks
from risk.limits.size_schedule import SizeSchedule
from strategies.decisions import SizingTerm
from strategies.parameters import require, require_between

__all__ = [
    "GreekLimits",
    "SizeRules",
    "greek_ceiling",
    "kelly_ceiling",
    "liquidity_ceiling",
    "risk_ceiling",
    "room_ceiling",
    "smallest",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class GreekLimits:
    """Largest sizes of Greeks in the units of Q18; infinite for no limit.

    Parameters
    ----------
    delta_shares : float
        Shares, > 0.
    gamma_shares_per_usd : float
        Shares for a dollar, > 0.
    vega_usd_per_volpt : float
        Dollars for a point of volatility, > 0.
    theta_usd_per_day : float
        Dollars a day, > 0.
    """

    delta_shares: float = inf
    gamma_shares_per_usd: float = inf
    vega_usd_per_volpt: float = inf
    theta_usd_per_day: float = inf

    def __post_init__(self) -> None:
        for name in _GREEKS:
            value = getattr(self, name)
            require("sizing", name, value, "above 0", holds=value > 0.0)

    @property
    def is_set(self) -> bool:
        """Whether any limit is finite."""
        return any(isfinite(getattr(self, name)) for name in _GREEKS)


_GREEKS = ("delta_shares", "gamma_shares_per_usd", "vega_usd_per_volpt", "theta_usd_per_day")


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRules:
    """How large a package may be; every rule is a ceiling.

    Parameters
    ----------
    max_packages : int
        Hard ceiling, >= 1.
    risk_share : float
        Share of the equity that one trade may lose, in (0, 1]: at expiry where the loss is bounded, else at the stop.
    margin_share : float
        Margin of an unbounded structure as a share of the underlying's value, in (0, 1]; a bounded one needs its loss.
    cash_reserve : float
        Share of the buying power that is kept free, in [0, 1) (Z4: 0.2).
    trade_greeks, book_greeks : GreekLimits
        Of one trade, and of all that the account holds with it.
    max_quote_share : float
        Largest share of the size that each leg shows at the side that trades, > 0; infinite for no such ceiling.
    max_interest_share, max_volume_share : float
        The same of each leg's open interest and of its volume today.
    win_probability : float
        Probability that a trade ends with a profit, calibrated out of sample, in [0, 1]; NaN where none is told. What a
        density of quotes says is no such probability: without one there is no Kelly ceiling, and the factors say so.
    win_ratio : float
        Mean profit over mean loss of the same sample, > 0; NaN takes the largest profit over the largest loss.
    kelly_share : float
        Part of the full Kelly fraction, in [0, 1]; 0 for no such ceiling.
    kelly_cap : float
        Largest share of the equity that it may put at risk, in (0, 1].
    concentration : float
        Largest share of the equity that all packages of the strategy may put at risk, in (0, 1] (Z84: 0.1); 1 asks
        nothing.
    schedule : SizeSchedule, optional
        Shares of the size by the level of a volatility index, as Z53b has them; a level that is missing opens nothing.
        None for the schedule of the account alone.
    """

    max_packages: int = 1
    risk_share: float = 0.02
    margin_share: float = 0.2
    cash_reserve: float = 0.0
    trade_greeks: GreekLimits = GreekLimits()
    book_greeks: GreekLimits = GreekLimits()
    max_quote_share: float = inf
    max_interest_share: float = inf
    max_volume_share: float = inf
    win_probability: float = nan
    win_ratio: float = nan
    kelly_share: float = 0.0
    kelly_cap: float = 0.05
    concentration: float = 1.0
    schedule: SizeSchedule | None = None

    def __post_init__(self) -> None:
        require_between("sizing", "max_packages", self.max_packages, 1, 1_000_000)
        for name in ("risk_share", "margin_share", "kelly_cap", "concentration"):
            require_between("sizing", name, getattr(self, name), 0.0, 1.0, open_low=True)
        require_between("sizing", "cash_reserve", self.cash_reserve, 0.0, 1.0, open_high=True)
        require_between("sizing", "kelly_share", self.kelly_share, 0.0, 1.0)
        for name in ("max_quote_share", "max_interest_share", "max_volume_share"):
            value = getattr(self, name)
            require("sizing", name, value, "above 0", holds=value > 0.0)
        chance, ratio = self.win_probability, self.win_ratio
        require("sizing", "win_probability", chance, "0 to 1, or NaN", holds=isnan(chance) or 0.0 <= chance <= 1.0)
        require("sizing", "win_ratio", ratio, "above 0, or NaN", holds=isnan(ratio) or 0.0 < ratio < inf)


def risk_ceiling(share: float, equity: float, loss: float) -> float:
    """Return how many packages a share of the equity covers, both in account currency (Q29).

    Parameters
    ----------
    share : float
        Of the equity.
    equity : float
        Account currency.
    loss : float
        The most that one package can lose, account currency.

    Returns
    -------
    float
        ``share * equity / loss``; NaN where nothing can be lost, which is no trade that was understood.
    """
    return share * equity / loss if loss > 0.0 else nan


def room_ceiling(limit: float, used: float, loss: float) -> float:
    """Return how many packages fit into what is left of a limit.

    Parameters
    ----------
    limit, used : float
        Account currency; used is infinite or NaN where it cannot be told.
    loss : float
        The most that one package can lose, account currency.

    Returns
    -------
    float
        ``(limit - used) / loss``, >= 0; NaN where something is not known.
    """
    return max(limit - used, 0.0) / loss if loss > 0.0 and isfinite(used) and isfinite(limit) else nan


def greek_ceiling(limits: GreekLimits, each: PortfolioGreeks, held: PortfolioGreeks | None = None) -> float:
    """Return how many packages the limits of Greeks allow.

    Parameters
    ----------
    limits : GreekLimits
        Largest sizes.
    each : PortfolioGreeks
        Of one package.
    held : PortfolioGreeks, optional
        What the account holds; nothing without it.

    Returns
    -------
    float
        The largest n for which ``|held + n each| <= limit`` for every Greek and all smaller n; infinite where no limit
        is near, NaN where a Greek that is limited is not known.
    """
    least = inf
    for name in _GREEKS:
        limit = getattr(limits, name)
        if not isfinite(limit):
            continue
        step, now = getattr(each, name), 0.0 if held is None else getattr(held, name)
        if not (isfinite(step) and isfinite(now)):
            return nan
        if abs(now) > limit and step * now >= 0.0:
            return 0.0
        if step:
            least = min(least, (limit - now * (1.0 if step > 0.0 else -1.0)) / abs(step))
    return least


def liquidity_ceiling(share: float, shown: Iterable[tuple[int, float]]) -> float:
    """Return how many packages a share of what each leg shows allows.

    Parameters
    ----------
    share : float
        Of what is shown, finite.
    shown : iterable of (int, float)
        Ratio of each leg, and its displayed size, open interest or volume, contracts.

    Returns
    -------
    float
        ``min(share * shown / |ratio|)``; NaN where a leg does not tell.
    """
    found = [share * each / abs(ratio) for ratio, each in shown]
    return nan if any(isnan(each) for each in found) else min(found, default=nan)


def kelly_ceiling(rules: SizeRules, equity: float, loss: float, payoff_ratio: float) -> float:
    """Return how many packages a fraction of Kelly's bet allows.

    Parameters
    ----------
    rules : SizeRules
        With a win probability.
    equity, loss : float
        Account currency.
    payoff_ratio : float
        Largest profit over largest loss, for rules that tell no mean.

    Returns
    -------
    float
        ``min(share * max(p - (1 - p) / b, 0), cap) * equity / loss``; NaN where the ratio is not known.

    References
    ----------
    .. [kelly_1956] J. L. Kelly, A new interpretation of information rate, Bell System Technical Journal 35, 1956.
    """
    ratio = payoff_ratio if isnan(rules.win_ratio) else rules.win_ratio
    if not ratio > 0.0:
        return nan
    edge = rules.win_probability - (1.0 - rules.win_probability) / ratio
    return risk_ceiling(min(rules.kelly_share * max(edge, 0.0), rules.kelly_cap), equity, loss)


def smallest(ceilings: Iterable[tuple[str, float]]) -> tuple[Decimal, tuple[SizingTerm, ...]]:
    """Return the whole number of packages that every ceiling allows.

    Parameters
    ----------
    ceilings : iterable of (str, float)
        Name and packages that it allows. What is not finite and not above 0 allows nothing: a ceiling that cannot be
        told is closed. Infinity, which bounds nothing, is left out by the caller.

    Returns
    -------
    quantity : Decimal
        Whole, >= 0; 0 without any ceiling.
    terms : tuple of SizingTerm
        In the order given; the first smallest is marked as binding.
    """
    found = [(name, value if isfinite(value) and value > 0.0 else 0.0) for name, value in ceilings]
    if not found:
        return Decimal(0), ()
    binding = min(range(len(found)), key=lambda place: found[place][1])
    terms = (
        SizingTerm(name=name, quantity=value, is_binding=place == binding) for place, (name, value) in enumerate(found)
    )
    return Decimal(floor(found[binding][1])), tuple(terms)
