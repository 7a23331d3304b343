"""Structures of days on recorded SPX closes: ``python -m benchmarks.session_study --data DIR --write FILE.md``.

Few sessions lie near enough for an entry and an exit, so every trade is shown. Defaults of the strategies, but for the
life of orders and the longest hold, which chains days apart need (`benchmarks.session_runs`).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import isnan, nan, sqrt
from pathlib import Path
from typing import Final

import numpy as np
from scipy.stats import t as student

from backtest.audit.baselines import random_entry_baseline
from backtest.history import History
from backtest.results import RunResult
from benchmarks.real_runs import DATA
from benchmarks.session_runs import PERIODS, STRUCTURES, plan_of, run_sessions, selector, sessions_history
from benchmarks.study_page import funnel_lines, write_figures
from execution.trades import Trade
from fields.evidence.multiplicity import holm_adjusted
from market.clock import datetime_of_ns
from market.orders import Leg
from market.tradables import OptionContract
from strategies.decisions import HOLD, Decision
from strategies.selector.facts import facts_of
from strategies.selector.strategy import RegimeSelector
from strategies.selector.table import RegimeFacts, Selection, select
from strategies.views import View

__all__ = ["main"]

_ALL: Final = 10
_FEWEST: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One structure in one period.

    Parameters
    ----------
    name, period : str
        What, and when.
    result : RunResult
        One package at a time.
    often : RunResult
        As often as its gates allow.
    lot : str
        What random entries of the same packages gave.
    """

    name: str
    period: str
    result: RunResult
    often: RunResult
    lot: str


def _day(ts_ns: int) -> str:
    return datetime_of_ns(ts_ns).date().isoformat()


def _leg(leg: Leg) -> str:
    contract = leg.instrument
    if not isinstance(contract, OptionContract):
        return f"{leg.ratio:+d} {contract.symbol}"
    root = "" if contract.series.product.root == "SPXW" else " am"
    right = "C" if contract.is_call else "P"
    return f"{leg.ratio:+d} {contract.strike.normalize():f}{right} {contract.series.expiration:%m-%d}{root}"


def _path(result: RunResult, opened_ns: int, closed_ns: int) -> str:
    """Return the account's marked profit at each chain since the entry: of one package at a time its own."""
    curve = result.curve
    at = np.isin(curve.ts_ns, result.view_ns) & (curve.ts_ns >= opened_ns) & (curve.ts_ns < closed_ns)
    rows = np.flatnonzero(at)
    if not rows.size:
        return "–"
    before = float(curve.equity[max(int(np.searchsorted(curve.ts_ns, opened_ns)) - 1, 0)])
    return ", ".join(f"{round(float(curve.equity[row]) - before):,d}" for row in rows)


def _price(price: float) -> str:
    """Return a net price per unit; that of a package whose parts were not all filled is none."""
    return "in part" if isnan(price) else f"{price:.2f}"


def _trade_line(name: str, result: RunResult, trade: Trade) -> str:
    ending = trade.exit_reason + (f" ({', '.join(sorted(trade.flags))})" if trade.flags else "")
    cells = (
        name,
        f"{_day(trade.opened_ns)} to {_day(trade.closed_ns)}",
        "; ".join(map(_leg, trade.legs)),
        _price(trade.entry_price),
        _path(result, trade.opened_ns, trade.closed_ns),
        _price(trade.exit_price),
        ending,
        f"{trade.costs:.2f}",
        f"{trade.net_pnl:,.2f}",
    )
    return f"| {' | '.join(cells)} |"


def _open_lines(name: str, result: RunResult) -> Iterator[str]:
    last_ns = int(result.curve.ts_ns[-1])
    for package in result.open_packages:
        since = f"{_day(package.opened_ns)} to –"
        legs = "; ".join(map(_leg, package.legs))
        path = _path(result, package.opened_ns, last_ns + 1)
        yield f"| {name} | {since} | {legs} | {_price(package.entry_price)} | {path} | – | open at the end | – | – |"


_TRADES: Final = (
    "| structure | held | legs | entry | marked at each close, USD | exit | ended by | fees | net USD |",
    "|---|---|---|---:|---|---:|---|---:|---:|",
)


def _trade_table(outcomes: Sequence[tuple[str, RunResult]]) -> Iterator[str]:
    yield from _TRADES
    for name, result in outcomes:
        for trade in result.trades:
            yield _trade_line(name, result, trade)
        yield from _open_lines(name, result)


def _outcomes(histories: dict[str, History]) -> list[Outcome]:
    found = []
    for name in STRUCTURES:
        for period, history in histories.items():
            result = run_sessions(history, plan_of(name))
            often = run_sessions(history, plan_of(name, max_open=_ALL))
            for each in (result, often):
                if each.stopped:
                    raise RuntimeError(f"{name}, {period}: {each.stopped}")
            lot = random_entry_baseline(result, history, np.random.default_rng(5)).text
            found.append(Outcome(name=name, period=period, result=result, often=often, lot=lot))
            print(name, period, len(result.trades), len(often.trades), flush=True)
    return found


def _interval(earned: Sequence[float]) -> tuple[str, float]:
    """Return the mean of some trades with Student's 95 % interval, and the p-value of a mean of zero."""
    mean = float(np.mean(earned)) if earned else nan
    if len(earned) < _FEWEST:
        return ("–" if isnan(mean) else f"{mean:,.0f} [too few]"), nan
    error = float(np.std(earned, ddof=1)) / sqrt(len(earned))
    reach = float(student.ppf(0.975, len(earned) - 1)) * error
    return f"{mean:,.0f} [{mean - reach:,.0f}, {mean + reach:,.0f}]", 2.0 * float(
        student.sf(abs(mean) / error, len(earned) - 1)
    )


def _sums(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield "| structure | trades | net USD | USD a trade [95 %] | p, Holm | as often as allowed: trades, USD [95 %] |"
    yield "|---|---:|---:|---|---:|---|"
    rows = []
    for name in STRUCTURES:
        own = [float(t.net_pnl) for o in outcomes if o.name == name for t in o.result.trades]
        more = [float(t.net_pnl) for o in outcomes if o.name == name for t in o.often.trades]
        rows.append((name, own, _interval(own), more, _interval(more)))
    holm = holm_adjusted(np.array([interval[1] for _, _, interval, _, _ in rows]))
    for (name, own, (shown, _), more, (often, _)), p_value in zip(rows, holm.tolist(), strict=True):
        p_shown = "–" if isnan(p_value) else f"{p_value:.2f}"
        yield f"| {name} | {len(own)} | {sum(own):,.0f} | {shown} | {p_shown} | {len(more)}, {often} |"


def _tables(histories: dict[str, History]) -> Iterator[str]:
    outcomes = _outcomes(histories)
    yield "One package at a time, trade by trade:\n"
    yield from _trade_table([(each.name, each.result) for each in outcomes])
    yield "\nSums:\n"
    yield from _sums(outcomes)
    yield "\nFunnels:\n"
    yield from funnel_lines([(f"{each.name}, {each.period[:4]}", each.result) for each in outcomes])
    yield "\nThe same packages from a random chain of the period on, struck as far from spot, by mids, same charges:\n"
    for each in outcomes:
        yield f"- {each.name}, {each.period[:4]}: {each.lot}"
    yield "\n### The selector\n"
    yield from _selector_tables(histories)


@dataclass(frozen=True)
class _Watching:
    """Reads what the selector reads at every chain, trades nothing and keeps what the table answers."""

    selector: RegimeSelector
    name: str = "watching"
    told: list[tuple[int, RegimeFacts, Selection]] = field(default_factory=list)

    def decide(self, view: View) -> Decision:
        """Return a hold."""
        facts = facts_of(view.readings("SPX"), view.series(self.selector.skew_series).value)
        self.told.append((view.now_ns, facts, select(facts, self.selector.selector)))
        return HOLD


def _selector_tables(histories: dict[str, History]) -> Iterator[str]:
    runs = {}
    yield "| session | VIX | SKEW | market | feedback | term structure | rank of volatility | chosen | refused |"
    yield "|---|---:|---:|---|---|---|---:|---|---|"
    for period, history in histories.items():
        watching = _Watching(selector())
        runs[period] = run_sessions(history, selector(), with_field=True)
        seen = run_sessions(history, watching, with_field=True)
        for each in (runs[period], seen):
            if each.stopped:
                raise RuntimeError(f"selector, {period}: {each.stopped}")
        for ts_ns, facts, chosen in watching.told:
            states = (facts.market, facts.feedback, facts.term_structure)
            numbers = [_number(value) for value in (facts.vix, facts.skew, facts.iv_rank)]
            cells = (_day(ts_ns), *numbers[:2], *states, numbers[2], chosen.choice, "; ".join(chosen.vetoes) or "–")
            yield f"| {' | '.join(cells)} |"
    yield ""
    yield from _trade_table([("selector", result) for result in runs.values()])
    yield ""
    yield from funnel_lines([(f"selector, {period[:4]}", result) for period, result in runs.items()])


def _number(value: float) -> str:
    return "–" if isnan(value) else f"{value:.2f}"


def main() -> int:
    """Run the study and print its tables, or write them between the markers of a page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.session_study", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    histories = {period: sessions_history(arguments.data, span) for period, span in PERIODS.items()}
    tables = "\n".join(_tables(histories))
    if arguments.write:
        write_figures(arguments.write, "session_study", tables)
    else:
        print(tables)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
