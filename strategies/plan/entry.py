"""What must hold for an entry: the gates of the account, of the market, and of the package's own price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf, isfinite, isnan, nan
from typing import Final

from risk.limits.orders import TradingState
from strategies.decisions import Gate
from strategies.parameters import require, require_between
from strategies.plan.crash import is_crash
from strategies.plan.flat_market import FlatMarket
from strategies.plan.fuzzy import fresh_forecast
from strategies.plan.gates import gate, until_first_failure
from strategies.plan.pricing import Candidate
from strategies.plan.schedules import Schedule
from strategies.views import ChainView, HeldPackage, View

__all__ = ["EntryRules", "Premium", "account_gates", "price_gates"]

_NS: Final = 1_000_000_000


class Premium(StrEnum):
    """Which way the net price of a structure goes."""

    CREDIT = "credit"  # it is sold: a price that pays nothing is refused
    DEBIT = "debit"  # it is bought: a price that asks nothing is refused
    EITHER = "either"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRules:
    """What must hold for an entry.

    Parameters
    ----------
    premium : Premium
        Which way the net price must go.
    min_credit_share : float
        Smallest credit as a share of the width, in [0, 1); 0 asks for any credit. Not asked of unbounded structures.
    min_credit : float
        Smallest credit per unit, >= 0, such as 0.05 (Z19a).
    max_debit_share : float
        Largest debit as a share of the most that the package can be worth, in (0, 1]; 1 asks nothing. Not asked where
        that has no bound.
    max_spread_share : float
        Largest cost of crossing the quotes, from the mid to the sides that trade, as a share of the price at the mids,
        > 0; infinite for no such gate.
    max_short_delta : float
        Largest size of delta of a sold leg, in (0, 1].
    min_volatility_index, max_volatility_index : float
        Lowest and highest level of the volatility index, index points, 0 <= lowest < highest; 0 and infinite for no
        such gate.
    volatility_index : str
        Name of its series, such as ``VIX``; a level that is older than a week passes no gate.
    min_iv_rank, max_iv_rank : float
        Bounds of the rank of implied volatility among its last sessions, as a share (Q9, Q16); 0 and infinite for none.
    flat_market : FlatMarket, optional
        Signs of a market without a direction that must be there (Z19a); none for no such gate.
    min_confidence : float
        Least calibrated confidence of the forecast of the underlying, 0 to 1 (Z53b: 0.85); 0 for no such gate. A model
        that is not calibrated, silent or old passes none.
    max_forecast_age_s : float
        Oldest forecast whose confidence counts, seconds, > 0.
    cool_down_s : float
        Seconds after the strategy's last exit in which nothing is opened, >= 0 (L39).
    max_open : int
        Packages of the strategy that may be open at once, >= 1.
    max_chain_age_s : float
        Oldest quotes that are acted upon, seconds, > 0.
    max_policy_age_s : float
        Oldest reading of a policy that is a ceiling, seconds, > 0; an older one allows nothing where one is followed.
    reenters : bool
        Whether another package may be opened in the session, or the window, in which one has ended.
    """

    premium: Premium = Premium.CREDIT
    min_credit_share: float = 0.0
    min_credit: float = 0.0
    max_debit_share: float = 1.0
    max_spread_share: float = inf
    max_short_delta: float = 1.0
    min_volatility_index: float = 0.0
    max_volatility_index: float = inf
    volatility_index: str = "VIX"
    min_iv_rank: float = 0.0
    max_iv_rank: float = inf
    flat_market: FlatMarket | None = None
    min_confidence: float = 0.0
    max_forecast_age_s: float = 300.0
    cool_down_s: float = 300.0
    max_open: int = 1
    max_chain_age_s: float = 300.0
    max_policy_age_s: float = 300.0
    reenters: bool = False

    def __post_init__(self) -> None:
        require_between("entry", "min_credit_share", self.min_credit_share, 0.0, 1.0, open_high=True)
        require_between("entry", "min_credit", self.min_credit, 0.0, inf, open_high=True)
        require_between("entry", "max_debit_share", self.max_debit_share, 0.0, 1.0, open_low=True)
        require("entry", "max_spread_share", self.max_spread_share, "above 0", holds=self.max_spread_share > 0.0)
        require_between("entry", "max_short_delta", self.max_short_delta, 0.0, 1.0, open_low=True)
        for name in ("volatility_index", "iv_rank"):
            low, high = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
            both = f"{low:g} and {high:g}"
            require("entry", f"min_{name} and max_{name}", both, "0 <= least < most", holds=0.0 <= low < high)
        require_between("entry", "min_confidence", self.min_confidence, 0.0, 1.0)
        require_between("entry", "cool_down_s", self.cool_down_s, 0.0, inf, open_high=True)
        require_between("entry", "max_open", self.max_open, 1, 1_000)
        for name in ("max_chain_age_s", "max_policy_age_s", "max_forecast_age_s"):
            require_between("entry", name, getattr(self, name), 0.0, inf, open_low=True)


def account_gates(
    rules: EntryRules,
    schedule: Schedule,
    view: View,
    chain: ChainView,
    name: str,
    packages: Sequence[HeldPackage],
    *,
    is_roll: bool,
    avoids_crash: bool = False,
    leaving: Sequence[str] = (),
) -> tuple[Gate, ...]:
    """Return the gates that need no price, up to and with the first that failed.

    Parameters
    ----------
    rules : EntryRules
        Bounds.
    schedule : Schedule
        Sessions and windows.
    view : View
        Market and account.
    chain : ChainView
        Of the underlying.
    name : str
        Of the strategy.
    packages : sequence of HeldPackage
        Its open packages.
    is_roll : bool
        Whether a package that leaves is replaced: then neither the session's other entries nor the rest after an exit
        are asked about.
    avoids_crash : bool, optional
        Whether what is open is closed in a CRASH of the market: then nothing is opened in one that is read.
    leaving : sequence of str, optional
        Orders that the same decision withdraws.

    Returns
    -------
    tuple of Gate
        A gate whose number is missing has not passed.
    """
    account = view.account
    working = sum(order.strategy == name and order.order_id not in leaving for order in account.working)
    age = (view.now_ns - chain.chain.ts_event_ns) / _NS
    gates = [
        gate("state_active", passed=account.trading_state is TradingState.ACTIVE, reason="not active"),
        gate("chain_fresh", age, rules.max_chain_age_s, passed=age <= rules.max_chain_age_s, reason="stale quotes"),
        gate("no_order_working", float(working), 0.0, passed=not working, reason="an order is under way"),
    ]
    if not is_roll:
        gates += _session_gates(rules, schedule, view, chain, name, packages)
    if avoids_crash:
        crash = is_crash(view, chain.chain.symbol)
        gates.append(gate("no_crash", float(crash), 0.0, passed=not crash, reason="the market regime is CRASH"))
    gates += _level_gates(rules, view, chain.chain.symbol)
    if rules.flat_market is not None:
        gates.append(rules.flat_market.gate(chain))
    return until_first_failure(gates)


def _session_gates(
    rules: EntryRules,
    schedule: Schedule,
    view: View,
    chain: ChainView,
    name: str,
    packages: Sequence[HeldPackage],
) -> list[Gate]:
    last_exit = view.account.last_exit_ns(name)
    newest = max((package.opened_ns for package in packages), default=-1)
    start, most = schedule.period_start_ns(chain, view.now_ns), schedule.max_entries
    is_free = newest < start and (rules.reenters or last_exit < start)
    rest = (view.now_ns - last_exit) / _NS if last_exit >= 0 else inf
    entries = float(view.account.entries_since(name, schedule.session_start_ns(chain))) if most else 0.0
    counted = (
        [gate("entries_left", entries, most, passed=entries < most, reason="enough for a session")] if most else []
    )
    return [
        gate("one_a_session", float(not is_free), 0.0, passed=is_free, reason="traded in this session before"),
        *counted,
        gate("cooled_down", rest, rules.cool_down_s, passed=rest >= rules.cool_down_s, reason="exit too recent"),
    ]


def _level_gates(rules: EntryRules, view: View, symbol: str) -> list[Gate]:
    """Return the gates of the volatility index and of the rank of implied volatility, as far as they are asked."""
    gates = []
    least, most, index = rules.min_volatility_index, rules.max_volatility_index, rules.volatility_index.lower()
    if least > 0.0 or isfinite(most):
        point = view.series(rules.volatility_index)
        level = point.level(view.now_ns)
        silent = point.reason or ("not known, or older than a week" if isnan(level) else "")
        if isfinite(most):
            gates.append(gate(f"{index}_at_most", level, most, passed=level <= most, reason=silent or "too high"))
        if least > 0.0:
            why = silent or "too low"
            gates.append(gate(f"{index}_at_least", level, least, passed=level >= least, reason=why))
    if rules.min_iv_rank > 0.0 or isfinite(rules.max_iv_rank):
        readings = view.readings(symbol)
        rank = nan if readings is None else readings.implied_vol_rank.rank
        why = "not known" if isnan(rank) else "out of bounds"
        inside = rules.min_iv_rank <= rank <= rules.max_iv_rank
        bound = rules.max_iv_rank if rank > rules.max_iv_rank else rules.min_iv_rank
        gates.append(gate("iv_rank", rank, bound, passed=inside, reason=why))
    if rules.min_confidence > 0.0:
        forecast = fresh_forecast(view, symbol, rules.max_forecast_age_s)
        found = nan if forecast is None else forecast.confidence
        why = "not known, not calibrated, or too old" if isnan(found) else "too low"
        gates.append(gate("confidence", found, rules.min_confidence, passed=found >= rules.min_confidence, reason=why))
    return gates


def price_gates(rules: EntryRules, found: Candidate) -> tuple[Gate, ...]:
    """Return the gates of a priced package, up to and with the first that failed.

    Parameters
    ----------
    rules : EntryRules
        Bounds.
    found : Candidate
        The package with its price.

    Returns
    -------
    tuple of Gate
        Its quotes, which way its price goes, how much of the width that is, what crossing costs, and its deltas.
    """
    price = found.price
    gates = [gate("quotes_complete", price, passed=isfinite(price), reason="a leg has no executable quote")]
    if rules.premium is Premium.CREDIT or (rules.premium is Premium.EITHER and found.limit < 0):
        gates += _credit_gates(rules, found)
    else:
        gates += _debit_gates(rules, found)
    if isfinite(rules.max_spread_share):
        share, most = found.crossing_share, rules.max_spread_share
        gates.append(gate("spread", share, most, passed=share <= most, reason="quotes too wide"))
    if rules.max_short_delta < 1.0:
        bound, worst = rules.max_short_delta, found.short_delta
        gates.append(gate("short_delta", worst, bound, passed=worst <= bound, reason="too near the money"))
    return until_first_failure(gates)


def _credit_gates(rules: EntryRules, found: Candidate) -> list[Gate]:
    credit, width = -found.price, found.width
    gates = [gate("credit_positive", credit, 0.0, passed=found.limit < 0, reason="no credit at the limit of the order")]
    if rules.min_credit > 0.0:
        least = rules.min_credit
        gates.append(gate("credit_at_least", credit, least, passed=credit >= least, reason="too small"))
    if isfinite(width):
        riskless = "quotes allow a riskless profit"
        gates.append(gate("credit_below_width", credit, width, passed=credit < width, reason=riskless))
        share, least = found.credit_to_width, rules.min_credit_share
        gates.append(gate("credit_to_width", share, least, passed=share >= least, reason="too small"))
    return gates


def _debit_gates(rules: EntryRules, found: Candidate) -> list[Gate]:
    gates = []
    if rules.premium is Premium.DEBIT:
        why = "nothing is asked for it: quotes allow a riskless profit, or the structure is another"
        gates.append(gate("debit_positive", found.price, 0.0, passed=found.price > 0.0, reason=why))
    # Of a debit the most that it can become decides: what costs as much can only lose.
    if rules.max_debit_share < 1.0 and (reach := found.reach) != inf:
        share, most = found.price / reach if reach > 0.0 else nan, rules.max_debit_share
        gates.append(gate("debit_to_reach", share, most, passed=share <= most, reason="too dear"))
    return gates
