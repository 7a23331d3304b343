"""From a chain to an opening proposal: gates of account and market, contracts, price, score and size, in this order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import inf, isfinite, isnan, nan
from typing import Final

import numpy as np

from market.orders import PositionEffect, TimeInForce
from risk.fuzzy.score import FuzzyReading
from strategies.decisions import Decision, Gate, Proposal
from strategies.legs.rules import Structure, placed
from strategies.plan.entry import EntryRules, account_gates, price_gates
from strategies.plan.exits import ExitRules, ProfitBasis
from strategies.plan.fuzzy import EntryScoreRules, FuzzyRules, fresh_policy
from strategies.plan.gates import gate
from strategies.plan.layers import LayerRules
from strategies.plan.pricing import Candidate, candidate
from strategies.plan.schedules import Schedule
from strategies.plan.sizing import (
    SizeRules,
    greek_ceiling,
    kelly_ceiling,
    liquidity_ceiling,
    risk_ceiling,
    room_ceiling,
    smallest,
)
from strategies.views import ChainView, HeldPackage, View

__all__ = ["Opening", "Replaced"]

_NS: Final = 1_000_000_000
Factors = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """The package that an opening takes the place of.

    Parameters
    ----------
    quantity : Decimal
        Packages: no more are opened.
    series : tuple of int
        Expirations to trade instead of those of the schedule; empty for those.
    adjustments : int
        How often the position was moved, with this time.
    leaving : tuple of str
        Orders that the same decision withdraws.
    """

    quantity: Decimal
    series: tuple[int, ...] = ()
    adjustments: int = 0
    leaving: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """The way in of one plan; its fields are those of `strategies.plan.package_plan.PackagePlan`."""

    name: str
    underlying: str
    structure: Structure
    schedule: Schedule
    entry: EntryRules
    size: SizeRules
    exits: ExitRules
    allowance: float
    time_in_force: TimeInForce
    fuzzy: FuzzyRules | None
    score: EntryScoreRules | None
    layers: LayerRules | None
    follows_policy: bool

    def decide(
        self, view: View, chain: ChainView, packages: Sequence[HeldPackage], replaced: Replaced | None = None
    ) -> Decision:
        """Return an opening where everything allows it, else what stopped it.

        Parameters
        ----------
        view : View
            Market and account.
        chain : ChainView
            Of the underlying.
        packages : sequence of HeldPackage
            Open packages of the strategy, without one that is replaced.
        replaced : Replaced, optional
            What the opening takes the place of.

        Returns
        -------
        Decision
            With every gate up to the first that failed.
        """
        is_roll, leaving = replaced is not None, replaced.leaving if replaced else ()
        gates = list(
            account_gates(
                self.entry,
                self.schedule,
                view,
                chain,
                self.name,
                packages,
                is_roll=is_roll,
                avoids_crash=self.exits.closes_in_crash,
                leaving=leaving,
            )
        )
        if not gates[-1].passed:
            return _stopped(gates)
        series = replaced.series if replaced and replaced.series else self.schedule.series(chain)
        nearest = float(series[0]) if series else -1.0
        gates.append(gate("expiration_listed", nearest, 0.0, passed=bool(series), reason="no such expiration"))
        if series:
            left = (self.schedule.last_entry_ns(chain, series[0]) - view.now_ns) / _NS
            gates.append(gate("time_before_cutoff", left, 0.0, passed=left > 0.0, reason="too late to open"))
        if not gates[-1].passed:
            return _stopped(gates)
        found = placed(chain, series, self.structure, market=view)
        gates.append(gate("strikes_found", float(len(found.legs)), passed=bool(found.legs), reason=found.reason))
        if not found.legs:
            return _stopped(gates)
        return self._priced(view, chain, candidate(chain, found, self.allowance), gates, replaced)

    def _priced(
        self, view: View, chain: ChainView, found: Candidate, gates: list[Gate], replaced: Replaced | None
    ) -> Decision:
        gates += price_gates(self.entry, found)
        factors = self._factors(view, chain, found, replaced)
        if gates[-1].passed and self.layers is not None:
            reading = self.layers.reading(view)
            gates.append(self.layers.gate(reading))
            factors += (("layers", reading.score), ("layers_confidence", reading.confidence))
        fuzzy = self.fuzzy.reading(view) if gates[-1].passed and self.fuzzy is not None else None
        if gates[-1].passed and self.score is not None:
            score = self.score.reading(view, found.measures.probability_of_profit, fuzzy)
            bound = self.score.config.threshold
            gates.append(gate("entry_score", score.score, bound, passed=score.is_passed, reason=score.reason))
        if not gates[-1].passed:
            return _stopped(gates, factors)
        return self._sized(gates, factors, found, self._ceilings(view, chain, found, fuzzy, replaced))

    def _sized(
        self, gates: list[Gate], factors: Factors, found: Candidate, ceilings: Sequence[tuple[str, float]]
    ) -> Decision:
        quantity, terms = smallest(ceilings)
        enough = quantity >= 1
        gates.append(gate("size_at_least_one", float(quantity), 1.0, passed=enough, reason="no ceiling allows one"))
        if self.size.kelly_share > 0.0 and isnan(self.size.win_probability):
            factors += (("kelly_uncalibrated", 1.0),)
        if not enough:
            return Decision(reason="size_at_least_one", gates=tuple(gates), sizing=terms, factors=factors)
        opening = Proposal(
            structure=self.structure.name,
            legs=found.placed.legs,
            quantity=quantity,
            limit_price=found.limit,
            effect=PositionEffect.OPEN,
            reason="entry",
            time_in_force=self.time_in_force,
        )
        return Decision(reason="entry", proposals=(opening,), gates=tuple(gates), sizing=terms, factors=factors)

    def _ceilings(
        self, view: View, chain: ChainView, found: Candidate, fuzzy: FuzzyReading | None, replaced: Replaced | None
    ) -> list[tuple[str, float]]:
        account, rules = view.account, self.size
        loss, margin = self._loss_and_margin(chain, found)
        free = (1.0 - rules.cash_reserve) * account.buying_power
        ceilings = [
            ("max_packages", float(rules.max_packages)),
            ("risk_budget", risk_ceiling(rules.risk_share, account.equity, loss)),
            ("buying_power", risk_ceiling(1.0, free, margin)),
            *self._greek_ceilings(view, found),
            *self._liquidity_ceilings(chain, found),
        ]
        if rules.kelly_share > 0.0 and not isnan(rules.win_probability):
            gain = found.measures.max_profit
            ceilings.append(("kelly", kelly_ceiling(rules, account.equity, loss, gain / loss if loss > 0.0 else nan)))
        if rules.concentration < 1.0:
            room = room_ceiling(rules.concentration * account.equity, account.capital_at_risk(self.name), loss)
            ceilings.append(("concentration", room))
        if fuzzy is not None:
            ceilings.append(("fuzzy", fuzzy.allowed))
        if replaced is not None:
            ceilings.append(("replaced", float(replaced.quantity)))
        return ceilings + self._shares(view, ceilings)

    def _loss_and_margin(self, chain: ChainView, found: Candidate) -> tuple[float, float]:
        """Return what one package can lose and requires, account currency; without a bound at its stop.

        Where the structure has a bound and it cannot be told, as without the forward of a later leg, it is infinite.
        """
        loss = float(found.measures.max_loss)
        if isfinite(loss) or self.structure.is_defined_risk:
            return loss, loss
        credit = -float(found.limit)
        margin = (self.size.margin_share * chain.spot + credit) * found.multiplier
        return self.exits.stop_multiple * credit * found.multiplier, margin

    def _greek_ceilings(self, view: View, found: Candidate) -> list[tuple[str, float]]:
        trade, book = self.size.trade_greeks, self.size.book_greeks
        ceilings = []
        if trade.is_set:
            ceilings.append(("trade_greeks", greek_ceiling(trade, found.measures.greeks)))
        if book.is_set:
            ceilings.append(("book_greeks", greek_ceiling(book, found.measures.greeks, view.account.greeks())))
        return [(name, ceiling) for name, ceiling in ceilings if ceiling != inf]

    def _liquidity_ceilings(self, chain: ChainView, found: Candidate) -> list[tuple[str, float]]:
        """Return what quotes, open interest and volume allow, as far as they are asked: what is missing closes."""
        rules, legs, places = self.size, found.placed.legs, found.placed.places
        if not any(map(isfinite, (rules.max_quote_share, rules.max_interest_share, rules.max_volume_share))):
            return []
        quotes = [chain.quote(place) for place in places] if isfinite(rules.max_quote_share) else []
        sizes = [quote.ask_size if leg.ratio > 0 else quote.bid_size for quote, leg in zip(quotes, legs, strict=False)]
        asked = (
            ("displayed_size", rules.max_quote_share, sizes),
            ("open_interest", rules.max_interest_share, chain.chain.open_interest[list(places)].tolist()),
            ("volume", rules.max_volume_share, chain.chain.volume[list(places)].tolist()),
        )
        return [
            (name, liquidity_ceiling(share, zip([leg.ratio for leg in legs], shown, strict=True)))
            for name, share, shown in asked
            if isfinite(share)
        ]

    def _shares(self, view: View, ceilings: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
        """Return what a volatility schedule and a policy leave of the smallest ceiling: shares, which lift nothing."""
        least = min(value if isfinite(value) else 0.0 for _, value in ceilings)
        shares = []
        multiplier = view.account.size_multiplier
        if not multiplier >= 1.0:
            shares.append(("volatility_schedule", multiplier * least))
        if self.size.schedule is not None:
            share = self.size.schedule.ceiling(view.series(self.size.schedule.index).level(view.now_ns))
            shares += [("strategy_schedule", share * least)] if share < 1.0 else []
        if self.follows_policy:
            policy = fresh_policy(view, self.underlying, self.entry.max_policy_age_s)
            if policy is None or isfinite(policy.size):
                shares.append(("policy", 0.0 if policy is None else policy.size * least))
        return shares

    def _factors(self, view: View, chain: ChainView, found: Candidate, replaced: Replaced | None) -> Factors:
        """Return what was known before the trade; attribution holds it against the result later."""
        places, legs = found.placed.places, found.placed.legs
        short = [place for place, leg in zip(places, legs, strict=True) if leg.ratio < 0]
        sold = chain.implied_vol(np.array(short)).tolist() if short else []
        series = chain.chain.series[int(chain.chain.series_index[places[0]])]
        since_open = (view.now_ns - self.schedule.session_start_ns(chain)) / _NS / 60.0
        # What a model says of a later leg is told once: the exits hold the package against it as it was then.
        needs_reach = self.exits.profit_basis is ProfitBasis.MAX_PROFIT and not found.measures.has_one_expiry
        later = (("reach", found.reach),) if needs_reach else ()
        moved = (("adjustments", float(replaced.adjustments)),) if replaced and replaced.adjustments else ()
        return (
            ("spot", chain.spot),
            ("credit", -found.price),
            ("width", found.width),
            ("credit_to_width", found.credit_to_width),
            ("short_delta", found.short_delta),
            ("implied_vol", sum(sold) / len(sold) if sold else nan),
            (self.entry.volatility_index.lower(), view.series(self.entry.volatility_index).value),
            ("minutes_since_open", since_open),
            ("days_left", float((series.expiration - chain.chain.session).days)),
            *later,
            *moved,
        )


def _stopped(gates: list[Gate], factors: Factors = ()) -> Decision:
    return Decision(reason=gates[-1].name, gates=tuple(gates), factors=factors)
