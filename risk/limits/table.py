"""Every row of the risk table in words: documentation is made from them, and a test holds them against the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from risk.limits.rules import HEDGEFIELD_LIMITS, HEDGEFIELD_RULES
from risk.limits.size_schedule import SizeSchedule
from risk.state import HOLD_RULES, BreakerClass

__all__ = [
    "LIMIT_TABLE",
    "LimitEntry",
    "breaker_markdown",
    "limit_markdown",
    "schedule_markdown",
    "transition_markdown",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitEntry:
    """One row of the table.

    Parameters
    ----------
    name : str
        What a denial calls it.
    measure : str
        What is measured, in which unit.
    settings : tuple of str
        Names of its bounds in the configuration; empty where it always stands.
    table : str
        ``limits`` or ``risk``, the table of the configuration.
    ids : str
        Requirements that it answers.
    """

    name: str
    measure: str
    settings: tuple[str, ...] = ()
    table: str = "risk"
    ids: str = ""

    @property
    def preset(self) -> tuple[str, ...]:
        """Bounds of the preset in the order of `settings`."""
        source: object = HEDGEFIELD_RULES if self.table == "risk" else HEDGEFIELD_LIMITS
        return tuple(_text(getattr(source, name)) for name in self.settings)


def _text(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, int | float) else "table below"


def _order(name: str, measure: str, settings: tuple[str, ...] = (), ids: str = "") -> LimitEntry:
    return LimitEntry(name=name, measure=measure, settings=settings, table="limits", ids=ids)


_WITH_IT: Final = "of all positions with the order and the worst of working orders"

LIMIT_TABLE: Final = (
    LimitEntry(
        name="daily_loss",
        measure="loss since the last mark before the session, realised and not, with charges; reached is exceeded",
        settings=("daily_loss_share", "daily_loss_amount"),
        ids="D83, L43, Q28, Z83",
    ),
    LimitEntry(
        name="drawdown",
        measure="loss since the highest equity, as a share of it; reached is exceeded",
        settings=("drawdown_share",),
        ids="H41",
    ),
    *(
        LimitEntry(
            name=f"breaker_{each}",
            measure="minutes left of its cool-down, at most 0",
            settings=("breakers",),
            ids="H51, Z86",
        )
        for each in BreakerClass
    ),
    _order("trading_state", "0 active, 1 reducing, 2 halted, at most 0", ids="2.6"),
    _order("duplicate_intent", "1 where the id passed before, at most 0", ids="2.7"),
    _order("input_age_s", "age of the oldest quote, seconds", ("most_input_age_s",), "2.6"),
    _order("minutes_to_close", "minutes left for options of the day, at least", ("cutoff_minutes",), "L41"),
    _order("order_rate", "orders left in the token bucket, at least 1", ("orders_per_second", "order_burst"), "H54"),
    _order(
        "price_collar",
        "distance of the limit beyond the far sides of the quotes",
        ("collar_fraction", "collar_premium", "collar_least", "collar_spreads"),
        "2.6",
    ),
    _order("order_quantity", "units of the largest leg", ("most_quantity",), "2.6"),
    _order("order_notional", "worth at the mids, account currency", ("most_notional",), "H50"),
    _order("order_loss", "worst loss of the order, account currency", ("most_loss",), "2.6"),
    _order("open_packages", "packages that are open or on their way, with this one", ("most_packages",), "L43, Q, Z"),
    _order("buying_power", "what the order takes of it, at most what there is", ids="2.9"),
    LimitEntry(
        name="cooldown_minutes",
        measure="minutes since the strategy's last exit, at least",
        settings=("cooldown_minutes", "loss_cooldown_minutes"),
        ids="L39",
    ),
    LimitEntry(
        name="volatility_index",
        measure="level of the index, points",
        settings=("most_volatility",),
        ids="Q16",
    ),
    LimitEntry(
        name="size_schedule",
        measure="part of the size that the level leaves, above 0",
        settings=("schedule",),
        ids="Z53b, Z85",
    ),
    LimitEntry(
        name="minutes_to_broker_cutoff",
        measure="minutes until the broker acts on deliveries of the day that the account could not pay, at least 0",
        settings=("broker_cutoff_minutes",),
        ids="2.6, L41",
    ),
    LimitEntry(
        name="time_value_over_dividend",
        measure="time value of sold American calls in the money less the announced dividend, at least 0",
        settings=("watches_dividends",),
        ids="2.6",
    ),
    LimitEntry(
        name="strategy_packages",
        measure="packages of the strategy, with this one",
        settings=("strategy_packages",),
        ids="L43, Z of 2.6",
    ),
    LimitEntry(
        name="risk_per_trade",
        measure="worst loss of the order at its limit, as a share of equity times what the schedule leaves",
        settings=("risk_share",),
        ids="D81, Q29, Z82",
    ),
    LimitEntry(
        name="strategy_at_risk",
        measure="worst losses of the strategy's packages and orders, with this one, as a share of equity",
        settings=("strategy_share",),
        ids="D83, Z84",
    ),
    LimitEntry(
        name="symbol_at_risk",
        measure="the same of the underlying",
        settings=("symbol_share",),
        ids="D83",
    ),
    LimitEntry(name="trade_delta", measure="delta of the order, shares", settings=("trade_delta",), ids="Q23"),
    LimitEntry(name="trade_vega", measure="vega of the order, per vol point", settings=("trade_vega",), ids="Q24"),
    LimitEntry(name="book_delta", measure=f"delta {_WITH_IT}", settings=("book_delta",), ids="Q25"),
    LimitEntry(name="book_gamma", measure=f"gamma {_WITH_IT}, shares per 1", settings=("book_gamma",), ids="Q26"),
    LimitEntry(name="book_vega", measure=f"vega {_WITH_IT}", settings=("book_vega",), ids="Q27"),
    LimitEntry(
        name="stress_loss",
        measure="worst loss of the book with the order in the standard scenarios, as a share of equity",
        settings=("stress_share",),
        ids="Q31 to Q34",
    ),
    LimitEntry(
        name="value_at_risk",
        measure="loss of the book with the order at the quantile of past days, as a share of equity",
        settings=("value_at_risk_share",),
        ids="D84",
    ),
    LimitEntry(
        name="expected_shortfall",
        measure="mean loss beyond that quantile, as a share of equity",
        settings=("expected_shortfall_share",),
        ids="Q35x",
    ),
)
"""The rows in the order in which a denial names its binding one."""


def limit_markdown() -> str:
    """Return the table of the rows as documentation shows it."""
    lines = ["| row | measures | set by | preset | requirement |", "|---|---|---|---|---|"]
    for entry in LIMIT_TABLE:
        told = ", ".join(f"`[{entry.table}] {name}`" for name in entry.settings) or "always there"
        if entry.name.startswith("breaker_"):
            told, preset = "`[risk.breakers]`", "table below"
        else:
            preset = ", ".join(entry.preset)
        lines.append(f"| `{entry.name}` | {entry.measure} | {told} | {preset} | {entry.ids} |")
    return "\n".join(lines)


def breaker_markdown() -> str:
    """Return the table of the preset's breakers."""
    lines = ["| breaker | trips at | pause, minutes |", "|---|---|---|"]
    lines += [f"| `{key}` | {rule.at:g} | {rule.minutes:g} |" for key, rule in HEDGEFIELD_RULES.breakers.items()]
    return "\n".join(lines)


def transition_markdown() -> str:
    """Return the table of the holds: what sets which state, and what lifts it."""
    lines = ["| cause | sets | is lifted by |", "|---|---|---|"]
    for cause, rule in HOLD_RULES.items():
        lifted = ["the next session"] * rule.ends_with_session + ["its end"] * rule.may_expire + ["the operator"]
        lines.append(f"| `{cause}` | {' or '.join(each.upper() for each in rule.states)} | {', '.join(lifted)} |")
    return "\n".join(lines)


def schedule_markdown() -> str:
    """Return the table of the preset's sizes by the level of the volatility index."""
    steps = SizeSchedule().steps
    lines = ["| level, points | multiple of the requirement | ceiling |", "|---|---|---|"]
    lines.append(f"| below {steps[0][0]:g} | 0 | 0 |")
    for (low, multiple), after in zip(steps, [*steps[1:], None], strict=True):
        span = f"{low:g} to {after[0]:g}" if after else f"from {low:g}"
        lines.append(f"| {span} | {multiple:g} | {min(multiple, 1.0):g} |")
    return "\n".join(lines)
