"""Pages of why: profit by Greek with its residual, and whether factors that were known before ranked the results."""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np

from backtest.attribution.factors import FactorRow
from backtest.attribution.greeks import GREEK_TERMS, GreekProfit
from backtest.reports.analysis import Analysis
from backtest.reports.blocks import Bars, Block, Curve, Fact, Facts, Grid, Line, Note, Role, Section
from backtest.reports.wording import MISSING, money, number, percent, short_money, signed
from backtest.results import RunResult

__all__ = ["factors_section", "greeks_section"]

_DRAWN: Final = (("theta", Role.GOOD), ("gamma", Role.LOSS), ("delta", Role.MAIN), ("vega", Role.WARN))


def greeks_section(result: RunResult, analysis: Analysis) -> Section:
    """Return what each Greek earned; terms and residual add up to the marked profit before costs."""
    path, whole = result.greeks, analysis.greeks
    if path is None or whole is None:
        note = Note(text="Greeks were not recorded: no option was held, or the run did not ask for them.")
        return Section(title="Greeks", blocks=(note,))
    plus = partial(money, currency=result.description.currency, plus=True)
    items = (*((name, getattr(whole, name)) for name in GREEK_TERMS), ("residual", whole.residual))
    blocks: list[Block] = [Facts(items=_greek_facts(result, whole))]
    if whole.is_mostly_unexplained:
        text = "The terms explain less than three quarters of what moved: they tell no story here."
        blocks.append(Note(text=text, role=Role.WARN))
    blocks.append(Bars(title="Marked profit by Greek, before costs", items=items, shown=plus))
    lines = tuple(
        Line(name=name, values=np.nancumsum(getattr(path, f"{name}_usd")), role=role) for name, role in _DRAWN
    )
    lines = (*lines, Line(name="residual", values=np.nancumsum(path.residual_usd), role=Role.OTHER))
    title = f"Running sums by Greek, {result.description.currency}"
    blocks.append(Curve(title=title, ts_ns=path.ts_ns, lines=lines, shown=short_money, is_tall=True))
    blocks.append(_strategies(analysis))
    return Section(title="Greeks", blocks=tuple(blocks))


def _greek_facts(result: RunResult, whole: GreekProfit) -> tuple[Fact, ...]:
    currency = result.description.currency
    return (
        Fact(name="Marked profit of options", text=money(whole.total, currency, plus=True), note="before costs"),
        Fact(name="Explained by the terms", text=percent(whole.explained, 1), note="of all that moved, either way"),
        Fact(
            name="Steps",
            text=f"{whole.n_steps:,}",
            note=f"{whole.n_unknown:,} without Greeks; their profit stands in the residual",
        ),
    )


def _strategies(analysis: Analysis) -> Grid:
    names = (*GREEK_TERMS, "residual", "total")
    rows = tuple(
        (part.group, *(signed(getattr(part, name)) for name in names), percent(part.explained, 1))
        for part in analysis.greeks_by_strategy
    )
    heads = ("strategy", *(f"{name}>" for name in names), "explained>")
    return Grid(title="By strategy", heads=heads, rows=rows, empty="not recorded by package")


def factors_section(analysis: Analysis) -> Section:
    """Return the tests of the factors, all trials adjusted together."""
    if not analysis.factors:
        note = Note(text="No closed trade carries a factor that was known before it.")
        return Section(title="Factors", blocks=(note,))
    text = (
        "A factor counts only where its direction, found in the earlier days, holds in the later ones, for all factors "
        "together (Holm). Intervals draw whole days. Winners less losers is the original's figure, without any test."
    )
    heads = (
        "factor",
        "trades>",
        "rank correlation>",
        "95 % interval>",
        "AUC>",
        "earlier>",
        "later>",
        "p, Holm>",
        "winners less losers>",
        "why not tested",
    )
    grid = Grid(heads=heads, rows=tuple(map(_factor_row, analysis.factors)))
    return Section(title="Factors", blocks=(Note(text=text), grid))


def _factor_row(row: FactorRow) -> tuple[str, ...]:
    known = np.isfinite(row.spearman_low)
    return (
        row.factor,
        f"{row.n_trades:,}",
        signed(row.spearman, 3),
        f"{signed(row.spearman_low, 3)} to {signed(row.spearman_high, 3)}" if known else MISSING,
        number(row.auc, 3),
        signed(row.spearman_earlier, 3),
        signed(row.spearman_later, 3),
        number(row.p_holm, 3),
        signed(row.legacy_delta_f, 3),
        row.reason,
    )
