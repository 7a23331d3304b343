"""What a study says in facts and tables, for the page and for the terminal alike; the outer estimate comes first."""

from __future__ import annotations

from math import isfinite
from typing import Final

from backtest.metrics.days import wealth_of_days
from backtest.reports.blocks import Curve, Fact, Facts, Grid, Line, Note, Report, Role, Section
from backtest.reports.wording import MISSING, number, percent, short_money, signed
from market.chains import FloatArray
from tuning.configuration.settings import Objective
from tuning.reports.wording import by_importance, figure_fact, interval_fact, objective_name, short_path, shown_score
from tuning.search.records import TrialState
from tuning.studies.answer import SplitAnswer, StudyAnswer, TrialAnswer

__all__ = [
    "evidence_section",
    "origin_section",
    "outer_section",
    "short_report",
    "study_head",
    "trials_section",
    "verdict_section",
]

_MOST_TRIALS: Final = 10
_MOST_REASONS: Final = 8
_MOST_SPLITS: Final = 12
_IN_SAMPLE: Final = "in sample: the days that chose it"


def study_head(answer: StudyAnswer) -> Report:
    """Return title, mark and warnings of a study, without sections."""
    warnings = [] if answer.verdict.accepted else [_refusal(answer)]
    if answer.outer.reason:
        warnings.append(f"There is no outer estimate: {answer.outer.reason}.")
    return Report(
        title=f"Study {answer.provenance.study}",
        assumptions=answer.provenance.assumptions,
        is_simulated=answer.provenance.simulated,
        warnings=tuple(warnings),
        sections=(),
    )


def short_report(answer: StudyAnswer) -> Report:
    """Return what the terminal shows at the end of a sweep."""
    head = study_head(answer)
    return Report(
        title=head.title,
        assumptions=head.assumptions,
        is_simulated=head.is_simulated,
        warnings=head.warnings,
        sections=(verdict_section(answer), outer_section(answer, most_splits=_MOST_SPLITS), trials_section(answer)),
    )


def _refusal(answer: StudyAnswer) -> str:
    return f"REFUSED: the defaults stand. What does not hold: {'; '.join(answer.verdict.reasons)}."


def verdict_section(answer: StudyAnswer) -> Section:
    """Return the verdict with its checks, and the outer estimate beside the defaults."""
    checks = tuple(
        (
            check.name,
            check.reason or _short(check.found),
            f"{check.sense} {_short(check.bound)}",
            "holds" if check.passed else "FAILS",
        )
        for check in answer.verdict.checks
    )
    return Section(
        title="Verdict",
        blocks=(
            Facts(items=_headline(answer)),
            Grid(
                title="Checks, all of which must hold", heads=("check", "found>", "asked for>", "verdict!"), rows=checks
            ),
        ),
    )


def _short(value: float) -> str:
    return number(value, 0 if value == round(value) else 3)


def _headline(answer: StudyAnswer) -> tuple[Fact, ...]:
    lead, outer = answer.objectives[0], answer.outer
    is_good = answer.verdict.accepted
    shown = lead if outer.objective is not outer.sharpe else Objective.SHARPE
    facts = [
        Fact(
            name="verdict",
            text=answer.verdict.word,
            note="" if is_good else "the defaults stand",
            role=Role.GOOD if is_good else Role.LOSS,
        ),
        interval_fact(f"outer {objective_name(shown)}", shown, outer.objective.value, _of_days(answer)),
        interval_fact("of the defaults, same days", shown, outer.objective.baseline),
        interval_fact("difference, paired", shown, outer.objective.difference),
    ]
    if outer.objective is not outer.sharpe:
        facts.append(interval_fact("outer Sharpe ratio", Objective.SHARPE, outer.sharpe.value))
    inner = answer.candidate_inner[0] if answer.candidate_inner else float("nan")
    return (
        *facts,
        Fact(name="optimism, mean of splits", text=_score_or_dash(lead, answer.optimism.value), note=_optimism(answer)),
        Fact(name=f"{objective_name(lead)} of the choice", text=shown_score(lead, inner), note=_IN_SAMPLE),
        Fact(
            name="trials",
            text=f"{answer.n_study:,}",
            note=f"{answer.n_ledger:,} ever on these data; {answer.effective.n_effective:,} effective",
        ),
    )


def _score_or_dash(lead: Objective, value: float) -> str:
    return shown_score(lead, value) if isfinite(value) else MISSING


def _optimism(answer: StudyAnswer) -> str:
    return answer.optimism.reason or "inner less outer score: what choosing alone made to look better"


def _of_days(answer: StudyAnswer) -> str:
    n_paths = answer.outer.returns.shape[0]
    return f"{answer.outer.n_days:,} days that no choice had seen" + (f", {n_paths} paths" if n_paths > 1 else "")


def outer_section(answer: StudyAnswer, *, most_splits: int | None = None) -> Section:
    """Return the days that no choice had seen: equity, splits (the first so many), and the pairs with the defaults."""
    outer = answer.outer
    wealth: FloatArray = wealth_of_days(outer.returns)[:, 1:]
    wealth_of_defaults: FloatArray = wealth_of_days(outer.defaults)[1:]
    lines = [Line(name="defaults", values=wealth_of_defaults, role=Role.OTHER)]
    if outer.returns.shape[0] > 1:
        lines += [
            Line(name="worst path of each day", values=wealth.min(axis=0), role=Role.PLAIN),
            Line(name="best path of each day", values=wealth.max(axis=0), role=Role.PLAIN),
        ]
    if outer.n_days:
        account: FloatArray = wealth_of_days(outer.returns.mean(axis=0))[1:]
        lines.append(Line(name="choices", values=account, role=Role.MAIN))
    curve = Curve(
        title="What 1 became on the outer days, joined",
        ts_ns=outer.end_ns,
        lines=tuple(lines) if outer.n_days else (),
        shown=short_money,
        is_tall=True,
    )
    return Section(
        title="Outside the sample", blocks=(curve, *_splits(answer, most_splits), Facts(items=_pairs(answer)))
    )


def _splits(answer: StudyAnswer, most: int | None) -> tuple[Grid | Note, ...]:
    lead = answer.objectives[0]
    names = [item.name for item in by_importance(answer)[:6]]
    heads = (
        "test days!",
        "choice!",
        *(short_path(name, answer) for name in names),
        "inner>",
        "outer>",
        "optimism>",
        "defaults>",
    )
    rows = tuple(_split_row(answer, item, names, lead) for item in answer.splits[:most])
    title = f"Choices of the splits: {objective_name(lead)} on training days (inner) and on test days (outer)"
    grid = Grid(title=title, heads=heads, rows=rows, empty="there is no split")
    n_more = len(answer.splits) - len(rows)
    more = (Note(text=f"{n_more} more splits stand in the folder of the study"),) if n_more else ()
    return (grid, *_why_missing(answer.splits[:most]), *more)


def _why_missing(splits: tuple[SplitAnswer, ...]) -> tuple[Note, ...]:
    """Return why scores of splits are missing: below their table, for a sentence in each cell would burst it."""
    figures = (figure for item in splits for figure in (item.inner, item.outer, item.defaults_outer))
    reasons = tuple(dict.fromkeys(figure.reason for figure in figures if figure.reason))
    return (Note(text=f"{MISSING} where a score is missing: {'; '.join(reasons)}."),) if reasons else ()


def _split_row(answer: StudyAnswer, item: SplitAnswer, names: list[str], lead: Objective) -> tuple[str, ...]:
    first, last = answer.blocks[item.split.test[0]].first, answer.blocks[item.split.test[-1]].last
    made = item.choice.number
    return (
        f"{first} to {last}" if len(item.split.test) == 1 or _is_run(item.split.test) else _blocks(item.split.test),
        "defaults" if made is None else f"trial {made}",
        *(item.shown.get(name, MISSING) for name in names),
        shown_score(lead, item.inner.value),
        shown_score(lead, item.outer.value),
        shown_score(lead, item.optimism),
        shown_score(lead, item.defaults_outer.value),
    )


def _is_run(blocks: tuple[int, ...]) -> bool:
    return blocks[-1] - blocks[0] == len(blocks) - 1


def _blocks(blocks: tuple[int, ...]) -> str:
    return f"blocks {', '.join(str(block + 1) for block in blocks)}"


def _pairs(answer: StudyAnswer) -> tuple[Fact, ...]:
    fixed, always = answer.paired.fixed, answer.paired.sequential
    span = fixed.reason or f"{signed(1e4 * fixed.low, 1)} to {signed(1e4 * fixed.high, 1)}"
    return (
        Fact(name="choices less defaults, a day", text=f"{signed(1e4 * fixed.mean, 1)} bp", note=span),
        Fact(name="p, horizon fixed before", text=number(fixed.p_value, 3), note=fixed.reason),
        Fact(
            name="p, always valid",
            text=number(always.p_value, 3),
            note=always.reason or (f"decided on {always.decided_day}" if always.decided_day else "not decided"),
        ),
        Fact(
            name="days better, worse",
            text=f"{fixed.n_better:,}, {fixed.n_worse:,}",
            note=f"p of the sign test {number(fixed.sign_p_value, 3)}",
        ),
    )


def evidence_section(answer: StudyAnswer) -> Section:
    """Return how far the search may have fooled itself."""
    over, spa = answer.overfitting, answer.superiority
    beside = over.reason or (
        f"{number(over.pbo.low, 2)} to {number(over.pbo.high, 2)}; {over.n_combinations:,} halvings of"
        f" {over.n_slices} slices, by {answer.overfitting_score.replace('_', ' ')}"
    )
    facts = (
        Fact(name="probability of overfitting", text=number(over.pbo.value, 3), note=beside),
        Fact(name="slope, outside on inside", text=number(over.slope.value, 2), note=over.slope.reason or "CSCV"),
        figure_fact("probability of loss outside", over.loss_probability, note="CSCV"),
        _deflated(answer),
        figure_fact("deflated Sharpe, outer days", answer.outer.deflated, note=f"for {answer.n_ledger:,} trials"),
        Fact(
            name="superior to defaults, p",
            text=number(spa.spa_consistent_p, 3),
            note=spa.reason
            or f"SPA {number(spa.spa_lower_p, 3)} to {number(spa.spa_upper_p, 3)};"
            f" reality check {number(spa.reality_check_p, 3)}",
        ),
        Fact(
            name="effective trials",
            text=f"{answer.effective.n_effective:,}",
            note=answer.effective.reason or f"of {answer.effective.n_trials:,} complete ones",
        ),
        figure_fact(
            "distance between choices of splits",
            answer.stability.distance,
            note=f"{number(answer.stability.random_distance.value, 3)} at random;"
            f" {percent(answer.stability.rank.value, 0)} of random ones lie closer",
        ),
    )
    words = Note(
        text="All but the outer figures stand on complete trials; those that were pruned count as trials alone."
    )
    return Section(title="Evidence against fooling ourselves", blocks=(Facts(items=facts), words))


def _deflated(answer: StudyAnswer) -> Fact:
    luck, name = answer.deflation, "deflated Sharpe, choice in sample"
    if luck is None:
        return Fact(name=name, text=MISSING, note=answer.candidate.reason)
    others = f"by the spread as seen {number(luck.told.value, 3)}, by clusters {number(luck.clustered.value, 3)}"
    return figure_fact(name, luck.resampled, note=f"for {luck.n_told:,} trials, resampled; {others}")


def trials_section(answer: StudyAnswer) -> Section:
    """Return the best trials in sample, states, and reasons of those without a score."""
    lead = answer.objectives[0]
    names = [item.name for item in by_importance(answer)[:8]]
    sign = -1.0 if lead.is_maximised else 1.0
    scored = sorted(
        (item for item in answer.trials if item.state is TrialState.COMPLETE and isfinite(item.scores[0])),
        key=lambda item: (sign * item.scores[0], item.number),
    )
    kept = scored[:_MOST_TRIALS]
    kept += [item for item in scored[_MOST_TRIALS:] if item.number in {0, answer.candidate.number}]
    heads = (
        "trial!",
        *(short_path(name, answer) for name in names),
        *(f"{objective_name(item)}>" for item in answer.objectives),
        "feasible!",
    )
    rows = tuple(_trial_row(answer, item, names) for item in kept)
    states = tuple((name, f"{count:,}") for name, count in answer.counts.items() if count)
    reasons = tuple((f"{count:,}", words) for words, count in answer.failures[:_MOST_REASONS])
    return Section(
        title="Trials",
        blocks=(
            Grid(title="Best trials over all blocks, in sample: not a result", heads=heads, rows=rows),
            Grid(title="States, over all searches", heads=("state!", "trials>"), rows=states),
            Grid(title="Without a score", heads=("trials>", "why"), rows=reasons, empty="every trial has a score"),
        ),
    )


def _trial_row(answer: StudyAnswer, item: TrialAnswer, names: list[str]) -> tuple[str, ...]:
    role = " (defaults)" if item.number == 0 else " (chosen)" if item.number == answer.candidate.number else ""
    return (
        f"{item.number}{role}",
        *(item.shown.get(name, MISSING) for name in names),
        *(shown_score(told, value) for told, value in zip(answer.objectives, item.scores, strict=True)),
        "yes" if item.is_feasible else "no",
    )


def origin_section(answer: StudyAnswer) -> Section:
    """Return where everything comes from."""
    about = answer.provenance
    sources = tuple(
        (source.name, source.provenance.source, "simulated" if source.provenance.simulated else "recorded",
         f"{source.rows:,}", source.digest[:16])
        for source in about.sources
    )  # fmt: skip
    facts = (
        ("code", about.code_version),
        ("base configuration, SHA-256", about.base_digest),
        ("seed", str(about.seed)),
        ("sampler", about.sampler.value),
        ("scheme", about.scheme.value),
        ("blocks", f"{len(answer.blocks)}, {answer.blocks[0].first} to {answer.blocks[-1].last}"),
        ("rule of choice", f"{answer.candidate.rule.value}: {answer.candidate.reason}"),
        ("days a year of annual figures", str(about.periods_per_year)),
        ("configurations of this study", f"{answer.n_study:,}"),
        ("configurations ever tried on these data", f"{answer.n_ledger:,}"),
    )
    heads = ("data", "source", "kind", "rows>", "SHA-256 begins")
    return Section(
        title="Data and provenance",
        blocks=(
            Grid(title="Data", heads=heads, rows=sources, empty="no data are told"),
            Grid(title="Study", heads=("what", "value"), rows=facts),
        ),
    )
