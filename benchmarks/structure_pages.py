"""Write the pages of the structures with their pictures: ``python -m benchmarks.structure_pages``.

Every word of a number comes from the code: legs, measures, rules and defaults. A test fails where page and code differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import time
from enum import Enum
from functools import lru_cache
from math import isfinite, isinf
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpydoc.docscrape import ClassDoc

from benchmarks.structure_example import HALF_SPREAD, SPOT, Example, example_of, profile_of
from benchmarks.structure_pictures import picture_of
from market.clock import datetime_of_ns
from market.errors import ConfigError
from risk.horizon_payoff import VolShift, horizon_value
from strategies.catalogue import CATALOGUE, parameters_of, strategy_of
from strategies.structures.shapes import SHAPES

__all__ = ["COMMAND", "FOLDER", "page_texts"]

COMMAND: Final = "python -m benchmarks.structure_pages"
"""What writes the pages."""
FOLDER: Final = Path(__file__).resolve().parents[1] / "docs" / "structures"
"""Where they stand."""

_RULES: Final = ("schedule", "entry", "size", "exits")
_POINT: Final = 0.01
_ALWAYS_WIN: Final = 0.5
_ALLOWED: Final = "allows_undefined_risk"
_SWITCHES: Final = frozenset({"is_bullish", "is_sold"})
# Values at which a rule asks nothing, and rules that do something only beside others.
_ASKS_NOTHING: Final = {"max_debit_share": 1.0, "max_short_delta": 1.0, "concentration": 1.0}
_NEEDS: Final = {
    "trailing_start": ("trailing_keep",),
    "max_adjustments": ("adjusts",),
    "atr_side": ("atr_multiple",),
    "volatility_index": ("min_volatility_index", "max_volatility_index"),
    "zone": ("at", "close_at", "broker_cutoff"),
    "regular_close": ("close_at", "broker_cutoff"),
    "kelly_cap": ("win_probability",),
}


_COMPARED: Final = (
    "structure",
    "opened for",
    "risk",
    "gains where the price",
    "most won",
    "most lost",
    "chance of profit",
    "delta",
    "vega, parallel",
    "vega, by the root of time",
)
_INDEX_NOTES: Final = """\
- *Defined risk*: each sold leg is covered by a bought one of its right that lives at least as long. What has none needs
  a policy that allows it, and margin.
- *Gains where the price* falls, stays, rises: profit at the first expiry after a move of one deviation down, none, up.
- *Most lost* holds with several expirations too, whatever volatility is at the first; *most won* is the model's there,
  later legs at their own volatility.
- *Chance of profit* is a measure of the chain's own prices under the risk-neutral density, not a forecast.
- *Delta* in shares. *Vega, parallel*: what one vol point on every leg brings now. *By the root of time*: a vol point on
  30 days and `sqrt(30 days / time)` points on others, as volatility moves in a shock. A calendar gains by the first and
  next to nothing by the second, so that it does not protect against a jump of volatility."""
_EXACT: Final = """\
Most won, most lost and break-evens are exact: all legs end at one price. Chances and expectation are measures of the
chain's prices under the risk-neutral density, not forecasts; at fair prices the expectation is 0."""
_MODELLED: Final = """\
Most won and break-evens are those of a model: at the first expiry, later legs at their own volatility. The most that
can be lost holds there without one, for any volatility. Chances and expectation are measures of the chain's prices
under the risk-neutral density, not forecasts; that each leg keeps its volatility is one more assumption of the
expectation."""
_UNTRADED: Final = """\
No strategy of the catalogue trades it by itself; a plan (`strategies.plan.package_plan`) takes it as its structure."""


def page_texts() -> dict[str, str]:
    """Return every page by its file name.

    Returns
    -------
    dict of str to str
        The comparison and one page per structure.
    """
    return {"index.md": _index()} | {f"{name}.md": _page(name) for name in SHAPES}


def _page(name: str) -> str:
    example = example_of(name)
    lines = [
        f"# {_title(name)}",
        "",
        example.shape.summary,
        "",
        f"![Profit over the price at four instants, and the Greeks]({name}.png)",
        "",
        f"*{_stated(example)} All numbers are of one package at the mids of its legs.*",
        "",
        "## Legs",
        "",
        *_table(("units", "right", "expiration", "rule of the strike", "strike", "mid", "volatility"), _legs(example)),
        "",
        "## What it can win and lose",
        "",
        *_table(("measure", "in the example"), _measures(example)),
        "",
        _EXACT if example.measures.has_one_expiry else _MODELLED,
        "",
        "## Rules",
        "",
        *_rules(name),
        "",
        _foot(),
    ]
    return "\n".join(lines) + "\n"


def _index() -> str:
    lines = [
        "# Structures compared",
        "",
        "Each structure of `strategies.structures.shapes` with its defaults in one example. Money is USD of a package.",
        "",
        f"*{_stated(example_of(next(iter(SHAPES))))}*",
        "",
        *_table(_COMPARED, [_row(name) for name in SHAPES]),
        "",
        _INDEX_NOTES,
        "",
        _foot(),
    ]
    return "\n".join(lines) + "\n"


def _row(name: str) -> tuple[str, ...]:
    example = example_of(name)
    m = example.measures
    parallel, by_root = _vegas(example)
    return (
        f"[{_title(name)}]({name}.md)",
        _way(example),
        "defined" if example.shape.is_defined_risk else "**undefined**",
        _gains(example),
        _usd(m.max_profit),
        _usd(float(m.max_loss)),
        _share(m.probability_of_profit),
        _number(m.greeks.delta_shares, 1),
        _number(parallel, 0),
        _number(by_root, 0),
    )


def _gains(example: Example) -> str:
    """Return where the price must go for a profit at the first expiry."""
    m = example.measures
    move = m.at_one_volatility.volatility * np.sqrt(m.front_years)
    price = float(m.book.spot[0]) * np.exp(move * np.array([-1.0, 0.0, 1.0]))
    profit = horizon_value(m.book, price, horizon_years=m.front_years) - float(m.cost)
    words = [word for word, won in zip(("falls", "stays", "rises"), profit, strict=True) if won > _ALWAYS_WIN]
    return ", ".join(words) or "moves farther"


def _vegas(example: Example) -> tuple[float, float]:
    """Return what a vol point brings now on all legs, and by the root of time, USD."""
    m = example.measures
    now = m.book.spot[:1]
    before = horizon_value(m.book, now, horizon_years=0.0)[0]
    shifts = (VolShift(parallel=_POINT), VolShift(root_time=_POINT))
    parallel, by_root = (horizon_value(m.book, now, horizon_years=0.0, shift=each)[0] - before for each in shifts)
    return float(parallel), float(by_root)


def _legs(example: Example) -> Iterator[tuple[str, ...]]:
    book = example.measures.book
    for place, (leg, rule) in enumerate(zip(example.placed.legs, example.shape.structure.legs, strict=True)):
        series = example.view.chain.series[int(example.view.chain.series_index[example.placed.places[place]])]
        days = (series.expiration - example.view.chain.session).days
        yield (
            f"{leg.ratio:+d}",
            "call" if rule.is_call else "put",
            f"{days} days",
            f"`{_told(rule.strike)}`",
            f"{book.strike[place]:,.0f}",
            f"{book.mark[place]:.2f}",
            f"{100.0 * book.volatility[place]:.1f} %",
        )


def _measures(example: Example) -> Iterator[tuple[str, str]]:
    m = example.measures
    yield "price", f"{_way(example)} of {abs(m.net_price)} a unit, {_usd(abs(float(m.cost)))} USD"
    yield "most won", f"{_usd(m.max_profit)} USD"
    yield "most lost", f"{_usd(float(m.max_loss))} USD"
    if not m.has_one_expiry:
        yield "most lost by the model", f"{_usd(m.front.max_loss)} USD"
    yield "break-even at", ", ".join(f"{root:,.1f}" for root in m.break_evens) or "no price"
    yield "margin by Regulation T", f"{_usd(m.margin.requirement)} USD; buying power taken {_usd(m.buying_power)} USD"
    yield from _chances(example)
    g, (parallel, by_root) = m.greeks, _vegas(example)
    yield "delta, gamma", f"{_number(g.delta_shares, 2)} shares, {_number(g.gamma_shares_per_usd, 4)} shares per USD"
    yield "vega", f"{_number(g.vega_usd_per_volpt, 1)} USD per vol point"
    yield "theta", f"{_number(g.theta_usd_per_day, 1)} USD per day"
    yield "a vol point more", f"{_number(parallel, 1)} USD on all legs, {_number(by_root, 1)} USD by the root of time"


def _chances(example: Example) -> Iterator[tuple[str, str]]:
    one, quotes = example.measures.at_one_volatility, example.measures.at_quotes
    yield "volatility at the forward", f"{100.0 * one.volatility:.1f} %"
    pairs = (
        ("chance of profit", _share(quotes.probability_of_profit), _share(one.probability_of_profit)),
        ("chance of the largest loss", _share(quotes.probability_of_max_loss), _share(one.probability_of_max_loss)),
        ("expected value", f"{_number(quotes.expected_value, 0)} USD", f"{_number(one.expected_value, 0)} USD"),
    )
    for name, by_smile, by_one in pairs:
        yield name, f"{by_smile} by the smile, {by_one} at one volatility"
    for touch in example.measures.touches:
        told = f"{_share(touch.probability_of_touch)}, to end beyond {_share(touch.probability_beyond)}"
        yield f"chance to touch {touch.strike:,.0f}", told


def _way(example: Example) -> str:
    return "credit" if example.measures.net_price < 0 else "debit"


def _rules(name: str) -> Iterator[str]:
    traded = [each for each in _traded() if each[2].plan.structure.name == name]
    if not traded:
        yield _UNTRADED
    for entry, words, made in traded:
        yield f"### Strategy `{entry}`{words}"
        yield ""
        if getattr(made, _ALLOWED, False):
            yield f"Its loss has no bound: it must be allowed by `{_ALLOWED} = true`."
            yield ""
        yield "Rules in force by default; what is off is left out. Of the exits the first true row of"
        yield "`strategies.plan.exits.EXIT_TABLE` acts."
        yield ""
        rows = [row for part in _RULES for row in _in_force(part, getattr(made.plan, part))]
        yield from _table(("part", "rule", "value", "meaning"), rows)
        yield ""
        yield "Parameters:"
        yield ""
        parameters = ((f"`{each.name}`", each.kind, _default(each)) for each in parameters_of(entry))
        yield from _table(("parameter", "kind", "default"), parameters)
        yield ""


@lru_cache(maxsize=1)
def _traded() -> tuple[tuple[str, str, Any], ...]:
    """Return the strategies that trade one structure by a plan: entry, what is turned, and the strategy.

    A strategy that trades another structure where one of its switches is turned stands there with that switch.
    """
    found = []
    for entry in CATALOGUE:
        parameters = {each.name: each for each in parameters_of(entry)}
        required = {name for name, each in parameters.items() if each.is_required}
        kind: Any = CATALOGUE[entry]
        if not ("plan" in {each.name for each in fields(kind)} and required <= {"underlying"}):
            continue
        given: dict[str, object] = dict.fromkeys(required, "SPX")
        made = _made(entry, given, can_allow=_ALLOWED in parameters)
        found.append((entry, "", made))
        for name in sorted(_SWITCHES & set(parameters)):
            turned = not parameters[name].default
            other = _made(entry, given | {name: turned}, can_allow=_ALLOWED in parameters)
            if other.plan.structure.name != made.plan.structure.name:
                found.append((entry, f" with `{name} = {str(turned).lower()}`", other))
    return tuple(found)


def _made(entry: str, given: dict[str, object], *, can_allow: bool) -> Any:
    try:
        return strategy_of(entry, given)
    except ConfigError:
        if not can_allow:
            raise
        return strategy_of(entry, given | {_ALLOWED: True})


def _in_force(part: str, rules: object) -> Iterator[tuple[str, ...]]:
    if not is_dataclass(rules):
        return
    kind: Any = type(rules)
    meanings = _meanings(kind)
    values = {item.name: getattr(rules, item.name) for item in fields(rules) if item.init}
    for name, value in values.items():
        needed = _NEEDS.get(name, ())
        if not _is_off(name, value) and (not needed or any(not _is_off(each, values.get(each)) for each in needed)):
            yield part, f"`{name}`", _plain(value), meanings.get(name, "")


def _is_off(name: str, value: object) -> bool:
    if value is None or value is False or value in {"", ()} or value == _ASKS_NOTHING.get(name):
        return True
    if is_dataclass(value):
        return all(_is_off(item.name, getattr(value, item.name)) for item in fields(value))
    return isinstance(value, float | int) and value is not True and (value == 0 or not isfinite(value))


@lru_cache(maxsize=32)
def _meanings(kind: Any) -> dict[str, str]:
    """Return the first sentence about each field from the docstring of its class."""
    found = {}
    for names, _, text in ClassDoc(kind)["Parameters"]:
        sentence = " ".join(line.strip() for line in text).split(". ")[0].rstrip(".")
        found.update(dict.fromkeys((name.strip() for name in names.split(",")), sentence.replace("|", "\\|")))
    return found


def _told(rule: object) -> str:
    """Return a rule as it is written, without what is left at its default."""
    parts = [
        f"{item.name}={_plain(getattr(rule, item.name))}"
        for item in fields(rule)  # type: ignore[arg-type]  # every strike rule is a dataclass
        if not _is_default(item, getattr(rule, item.name))
    ]
    return f"{type(rule).__name__}({', '.join(parts)})"


def _is_default(item: Field[Any], value: object) -> bool:
    return item.default is not MISSING and bool(item.default == value)


def _default(parameter: Any) -> str:
    if parameter.is_required:
        return "must be given"
    is_table = is_dataclass(parameter.default)
    return f"`{type(parameter.default).__name__}`, see above" if is_table else _plain(parameter.default)


def _plain(value: object) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, tuple):
        return ", ".join(_plain(each) for each in value)
    return _told(value) if is_dataclass(value) else str(value)


def _stated(example: Example) -> str:
    chain = example.view.chain
    as_of = datetime_of_ns(chain.ts_event_ns)
    return (
        f"Example: a **synthetic** chain of {as_of:%d %B %Y}, price {SPOT:,.0f}, a skewed smile of 18 % at the money, "
        f"4 % interest, 1 % dividends, every fifth strike, quotes {2 * HALF_SPREAD:g} wide."
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _foot() -> str:
    return f"*Written by `{COMMAND}`; a test holds this page against the code.*"


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _usd(value: float) -> str:
    return "without end" if isinf(value) else _number(value, 0)


def _share(value: float) -> str:
    return f"{100.0 * value:.1f} %" if isfinite(value) else "not known"


def _number(value: float, digits: int) -> str:
    rounded = round(value, digits) + 0.0  # no minus before a 0
    return f"{rounded:,.{digits}f}" if isfinite(value) else "not known"


def _write() -> None:
    FOLDER.mkdir(exist_ok=True)
    texts = page_texts()
    for stale in {path.name for path in FOLDER.glob("*.*")} - {*texts, *(f"{name}.png" for name in SHAPES)}:
        (FOLDER / stale).unlink()
    for name, text in texts.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    for name in SHAPES:
        example = example_of(name)
        (FOLDER / f"{name}.png").write_bytes(picture_of(example, profile_of(example)))
    print(f"{len(texts)} pages in {FOLDER}")


if __name__ == "__main__":
    _write()
