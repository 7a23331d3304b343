"""Where candidates die on the way to a trade, which limit binds, and alarms for what never varies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite, nan
from typing import Final

from backtest.results import RunResult
from market.clock import iso_of_ns
from market.errors import DataError
from market.orders import PositionEffect

__all__ = ["Alarm", "AlarmKind", "BindingLimit", "FunnelRow", "alarms", "binding_limits", "funnel_rows"]

_MIN_DECISIONS: Final = 20
_MISSING_SHARE: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelRow:
    """One gate of one strategy.

    Parameters
    ----------
    strategy, gate : str
        Whose, and which, in the order of the tests.
    n_met, n_passed, n_died : int
        Candidates that met it, went on, and ended here.
    pass_share : float
        Passed over met; NaN where none met it.
    died_share : float
        Of all candidates that met the strategy's first gate, those that ended here; NaN without any.
    """

    strategy: str
    gate: str
    n_met: int
    n_passed: int
    n_died: int
    pass_share: float
    died_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingLimit:
    """How often one ceiling of the size was the smallest.

    Parameters
    ----------
    strategy, limit : str
        Whose, and which.
    n_binding, n_sized : int
        Decisions in which it bound, of all in which a size was asked for.
    n_zero : int
        Times that it bound at less than one package, so that nothing was traded.
    """

    strategy: str
    limit: str
    n_binding: int
    n_sized: int
    n_zero: int


class AlarmKind(StrEnum):
    """What is suspicious in a run."""

    NO_TRADES = "no_trades"
    ALWAYS_TRADES = "always_trades"
    GATE_NEVER_PASSES = "gate_never_passes"
    NO_GATE_DECIDES = "no_gate_decides"
    CONSTANT_FACTOR = "constant_factor"
    MISSING_FACTOR = "missing_factor"
    SINGLE_CLASS = "single_class"
    MARGIN_CALL = "margin_call"
    LIQUIDATION = "liquidation"
    CARRIED_RATES = "carried_rates"
    BAD_ROWS = "bad_rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One finding that a reader must explain before believing a run.

    Parameters
    ----------
    kind : AlarmKind
        What.
    strategy, subject : str
        Whose, and of which gate, factor or decision.
    count : int
        Cases that it stands on.
    message : str
        In words.
    """

    kind: AlarmKind
    strategy: str
    subject: str
    count: int
    message: str


def funnel_rows(result: RunResult) -> tuple[FunnelRow, ...]:
    """Return the funnel of each strategy, gate by gate.

    Parameters
    ----------
    result : RunResult
        A run.

    Returns
    -------
    tuple of FunnelRow
        Strategies by name, gates in the order of the tests.

    Raises
    ------
    DataError
        More candidates passed a gate than met it.
    """
    rows: list[FunnelRow] = []
    for strategy, gates in sorted(result.funnel.items()):
        first = next(iter(gates.values()), (0, 0))[0]
        for gate, (met, passed) in gates.items():
            if not 0 <= passed <= met:
                raise DataError(
                    "a gate's counts cannot be",
                    found=f"{strategy} {gate}: {passed} of {met} passed",
                    expected="0 to all",
                )
            rows.append(
                FunnelRow(
                    strategy=strategy,
                    gate=gate,
                    n_met=met,
                    n_passed=passed,
                    n_died=met - passed,
                    pass_share=passed / met if met else nan,
                    died_share=(met - passed) / first if first else nan,
                )
            )
    return tuple(rows)


def binding_limits(result: RunResult) -> tuple[BindingLimit, ...]:
    """Return which ceiling bound the size and how often, most frequent first within a strategy.

    Parameters
    ----------
    result : RunResult
        A run.

    Returns
    -------
    tuple of BindingLimit
        Of all ceilings that are smallest together the first counts, so that shares add up to 1.
    """
    sized: Counter[str] = Counter()
    binding: Counter[tuple[str, str]] = Counter()
    zero: Counter[tuple[str, str]] = Counter()
    for record in result.decisions:
        first = next((term for term in record.decision.sizing if term.is_binding), None)
        if first is not None:
            sized[record.strategy] += 1
            binding[record.strategy, first.name] += 1
            zero[record.strategy, first.name] += first.quantity < 1.0
    ordered = sorted(binding.items(), key=lambda item: (item[0][0], -item[1], item[0][1]))
    return tuple(
        BindingLimit(
            strategy=strategy, limit=limit, n_binding=count, n_sized=sized[strategy], n_zero=zero[strategy, limit]
        )
        for (strategy, limit), count in ordered
    )


def alarms(result: RunResult) -> tuple[Alarm, ...]:
    """Return what never varies in a run and should, and what its account should not have met.

    Parameters
    ----------
    result : RunResult
        A run.

    Returns
    -------
    tuple of Alarm
        Empty where nothing is suspicious; gates, factors and decisions with fewer than 20 cases raise none. Margin
        calls, liquidations and fills at rates of another day always do.
    """
    return (*_of_account(result), *_of_trading(result), *_of_gates(result), *_of_factors(result), *_of_classes(result))


def _of_account(result: RunResult) -> list[Alarm]:
    found: list[Alarm] = []
    for call in result.margin_calls:
        ended = f"until {iso_of_ns(call.cured_ns)}" if call.cured_ns >= 0 else "to the end"
        text = f"equity {call.equity:,.0f} of {call.required:,.0f} required, {ended}; {call.n_orders} orders"
        found.append(_alarm(AlarmKind.MARGIN_CALL, "", iso_of_ns(call.called_ns), 1, text))
    counts = result.counts
    if counts.get("liquidations", 0):
        text = "the venue closed positions that no longer held their maintenance"
        found.append(_alarm(AlarmKind.LIQUIDATION, "", "perpetuals", counts["liquidations"], text))
    if counts.get("fills_with_carried_rates", 0):
        text = "fills charged at the nearest known fee of another day"
        found.append(_alarm(AlarmKind.CARRIED_RATES, "", "costs", counts["fills_with_carried_rates"], text))
    return found + _of_data(counts)


def _of_data(counts: Mapping[str, int]) -> list[Alarm]:
    told = {
        "bars_without_price": "bars without a close above 0: nothing was traded or marked there",
        "bars_at_odds": "bars whose high or low contradicts their other prices",
    }
    return [
        _alarm(AlarmKind.BAD_ROWS, "", "data", counts[name], text) for name, text in told.items() if counts.get(name, 0)
    ]


def _of_trading(result: RunResult) -> list[Alarm]:
    found: list[Alarm] = []
    if result.n_views >= _MIN_DECISIONS and not result.fills:
        found.append(_alarm(AlarmKind.NO_TRADES, "", "fills", result.n_views, f"no fill in {result.n_views} views"))
    opens = Counter(
        record.strategy
        for record in result.decisions
        if any(wish.effect is PositionEffect.OPEN for wish in record.decision.proposals)
    )
    for strategy, count in sorted(opens.items()):
        if result.n_views >= _MIN_DECISIONS and count >= result.n_views:
            found.append(_alarm(AlarmKind.ALWAYS_TRADES, strategy, "entries", count, "it opens at every view"))
    return found


def _of_gates(result: RunResult) -> list[Alarm]:
    # One gate that lets everything through is often a guard; a funnel in which nothing ever dies decides nothing.
    found: list[Alarm] = []
    died: dict[str, int] = {}
    for row in funnel_rows(result):
        if row.n_met >= _MIN_DECISIONS:
            died[row.strategy] = died.get(row.strategy, 0) + row.n_died
            if row.n_passed == 0:
                text = f"none of {row.n_met} candidates passed"
                found.append(_alarm(AlarmKind.GATE_NEVER_PASSES, row.strategy, row.gate, row.n_met, text))
    for strategy, count in died.items():
        if count == 0:
            met = max(row.n_met for row in funnel_rows(result) if row.strategy == strategy)
            text = f"all of {met} candidates passed every gate"
            found.append(_alarm(AlarmKind.NO_GATE_DECIDES, strategy, "gates", met, text))
    return found


def _of_factors(result: RunResult) -> list[Alarm]:
    values: dict[tuple[str, str], list[float]] = {}
    for record in result.decisions:
        for name, value in record.decision.factors:
            values.setdefault((record.strategy, name), []).append(value)
    found: list[Alarm] = []
    for (strategy, name), seen in sorted(values.items()):
        known = [value for value in seen if isfinite(value)]
        if len(seen) < _MIN_DECISIONS:
            continue
        if len(seen) - len(known) > _MISSING_SHARE * len(seen):
            text = f"missing in {len(seen) - len(known)} of {len(seen)} decisions"
            found.append(_alarm(AlarmKind.MISSING_FACTOR, strategy, name, len(seen), text))
        if known and min(known) == max(known):
            text = f"{known[0]} in all of {len(known)} decisions"
            found.append(_alarm(AlarmKind.CONSTANT_FACTOR, strategy, name, len(known), text))
    return found


def _of_classes(result: RunResult) -> list[Alarm]:
    reasons: dict[str, Counter[str]] = {}
    for record in result.decisions:
        reasons.setdefault(record.strategy, Counter())[record.decision.reason] += 1
    found: list[Alarm] = []
    for strategy, counts in sorted(reasons.items()):
        total = counts.total()
        if total >= _MIN_DECISIONS and len(counts) == 1:
            only = next(iter(counts))
            text = f"all of {total} decisions have this one reason"
            found.append(_alarm(AlarmKind.SINGLE_CLASS, strategy, only, total, text))
    return found


def _alarm(kind: AlarmKind, strategy: str, subject: str, count: int, message: str) -> Alarm:
    return Alarm(kind=kind, strategy=strategy, subject=subject, count=count, message=message)
