"""Studies as Markdown tables, with all trials adjusted together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from fields.evidence import (
    Hypothesis,
    Interval,
    Ranking,
    StudyPlan,
    StudyResult,
    Target,
    deflated_probability,
    expected_maximum,
    holm_adjusted,
)

__all__ = ["Trial", "deflated", "markdown", "trials_of"]

Outcomes = Sequence[tuple[StudyPlan, StudyResult | tuple[Ranking, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One test of one hypothesis.

    Parameters
    ----------
    study : str
        Name of the plan.
    hypothesis : Hypothesis
        As registered.
    kind : str
        ``score`` (AUC against 0.5) or ``delta`` (against 0).
    figure : Interval
        Its result.
    p_value : float
        Of the test that counts: two-sided for a reading alone, one-sided for what it adds.
    """

    study: str
    hypothesis: Hypothesis
    kind: str
    figure: Interval
    p_value: float


def trials_of(outcomes: Outcomes) -> list[Trial]:
    """Return all tests of studies, placebos too.

    A reading alone is not tested on the unconditional tercile: whatever moves with volatility would pass.
    """
    trials = []
    for plan, outcome in outcomes:
        if isinstance(outcome, StudyResult):
            for item in outcome.findings:
                kinds = (("score", item.score, item.score.p_value), ("delta", item.delta, item.adds_p_value))[
                    plan.target is Target.UPPER_TERCILE :
                ]
                trials += [
                    Trial(study=plan.name, hypothesis=item.hypothesis, kind=kind, figure=figure, p_value=p)
                    for kind, figure, p in kinds
                ]
        elif plan.target is not Target.UPPER_TERCILE:
            trials += [
                Trial(study=plan.name, hypothesis=r.hypothesis, kind="score", figure=r.score, p_value=r.score.p_value)
                for r in outcome
            ]
    return trials


def _adjusted(trials: Sequence[Trial]) -> dict[tuple[str, str, str], float]:
    counted = [item for item in trials if not item.hypothesis.placebo]
    held = holm_adjusted(np.array([item.p_value for item in counted]))
    return {(t.study, t.hypothesis.name, t.kind): float(p) for t, p in zip(counted, held, strict=True)}


def deflated(trials: Sequence[Trial]) -> tuple[Trial, float, float, float] | None:
    """Return the best trial in its registered direction, its z, the z of luck in as many, and the deflated chance."""
    counted = [item for item in trials if not item.hypothesis.placebo and np.isfinite(item.p_value)]
    if not counted:
        return None

    def z(item: Trial) -> float:
        if item.kind == "delta":
            return float(norm.isf(item.p_value))
        return float(np.copysign(norm.isf(item.p_value / 2.0), item.figure.value - 0.5))

    best, n = max(counted, key=z), len(counted)
    return best, z(best), expected_maximum(n, 1.0), deflated_probability(z(best), 1.0, n)


def _figure(item: Interval, digits: int = 3) -> str:
    return f"{item.value:.{digits}f} ± {item.standard_error:.{digits}f}"


def _p(held: dict[tuple[str, str, str], float], plan: StudyPlan, hypothesis: Hypothesis, kind: str) -> str:
    if hypothesis.placebo:
        return "placebo"
    value = held.get((plan.name, hypothesis.name, kind))
    return "not tested" if value is None else f"{value:.2g}" if np.isfinite(value) else "cannot be tested"


def _study_rows(plan: StudyPlan, result: StudyResult, held: dict[tuple[str, str, str], float]) -> list[str]:
    if result.baseline is None:
        return [f"| {plan.name} | none | {result.n_used} | | | | | | | | {result.reason} | |"]
    base = result.baseline
    rows = []
    for item in result.findings:
        name, both, delta = item.hypothesis.name, item.combined, item.delta
        cells = (
            plan.name,
            f"`{name}`",
            f"{result.n_predicted} ({result.n_blocks})",
            f"{result.minimum_detectable:.3f}",
            _figure(item.score),
            _p(held, plan, item.hypothesis, "score"),
            _figure(base.interval),
            _figure(both.interval),
            f"{_figure(delta, 4)} [{delta.low:.4f}, {delta.high:.4f}]",
            _p(held, plan, item.hypothesis, "delta"),
            f"{base.brier:.4f}, {both.brier:.4f}",
            f"{base.log_loss:.4f}, {both.log_loss:.4f}",
            f"{base.calibration.error:.3f}, {both.calibration.error:.3f}",
        )
        rows.append("| " + " | ".join(cells) + " |")
    return rows


_STUDY_HEAD = """\
| study | reading | n (blocks) | detectable | reading alone | Holm p | baseline | baseline + reading | \
delta AUC [95 %] | Holm p | Brier | log loss | calibration error |
|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"""

_RANK_HEAD = """\
| study | reading | n (blocks) | positive | detectable | reading alone | 95 % | Holm p |
|---|---|---:|---:|---:|---:|---:|---:|"""


def _rank_row(plan: StudyPlan, item: Ranking, held: dict[tuple[str, str, str], float]) -> str:
    name = item.hypothesis.name
    chance = _p(held, plan, item.hypothesis, "score")
    return (
        f"| {plan.name} | `{name}` | {item.n} ({item.n_blocks}) | {item.n_positive} | {item.minimum_detectable:.3f} | "
        f"{_figure(item.score)} | [{item.score.low:.3f}, {item.score.high:.3f}] | {chance} |"
    )


def _passes(outcomes: Outcomes, held: dict[tuple[str, str, str], float]) -> str:
    """Return the criterion of the specification, its second half after Holm."""
    high, added = set(), set()
    for plan, result in outcomes:
        for item in result.findings if isinstance(result, StudyResult) else ():
            name = item.hypothesis.name
            if plan.target is Target.UPPER_TERCILE and item.combined.auc.auc > 0.7 and not item.hypothesis.placebo:
                high.add(name)
            if plan.target is not Target.MOMENTUM and held.get((plan.name, name, "delta"), 1.0) < 0.05:
                added.add(name)
    return (
        f"AUC of baseline + reading above 0.7 on t2: {', '.join(sorted(high)) or 'none'}. "
        f"Adds to the baseline on t1 or t2 after Holm: {', '.join(sorted(added)) or 'none'}. "
        f"Both (the criterion): {', '.join(sorted(high & added)) or 'none'}."
    )


def _section(title: str, outcomes: Outcomes) -> list[str]:
    trials = trials_of(outcomes)
    held = _adjusted(trials)
    fitted = [row for plan, o in outcomes if isinstance(o, StudyResult) for row in _study_rows(plan, o, held)]
    ranked = [_rank_row(plan, r, held) for plan, o in outcomes if not isinstance(o, StudyResult) for r in o]
    parts = [f"### {title}", "", f"Trials adjusted together: {len(held)}. Rejected at 5 % after Holm: "]
    rejected = [f"{study} `{name}` ({kind})" for (study, name, kind), p in held.items() if p < 0.05]
    parts[-1] += (", ".join(rejected) or "none") + "."
    best = deflated(trials)
    if best is not None:
        trial, z, luck, chance = best
        told = f"{trial.study} `{trial.hypothesis.name}` ({trial.kind}) {_figure(trial.figure, 4)}, z {z:.2f}"
        shown = f"luck alone in {len(held)} trials would show z {luck:.2f}; deflated probability {chance:.3f}."
        parts += ["", f"Best in its registered direction: {told}; {shown}"]
    if fitted:
        parts += ["", _passes(outcomes, held), "", _STUDY_HEAD, *fitted]
    if ranked:
        parts += ["", _RANK_HEAD, *ranked]
    return parts


def _world_rows(worlds: Sequence[dict[str, float]]) -> list[str]:
    head = [
        "### The world of numbers",
        "",
        "| planted | AUC by theory | measured, t1 | entangled gamma, t1 | entangled, median | last day, median |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    return head + [
        f"| {w['effect']:.3f} | {w['theory']:.3f} | {w['conditional']:.3f} ± {w['conditional_error']:.3f} | "
        f"{w['entangled_conditional']:.3f} | {w['unconditional_gamma']:.3f} ± {w['gamma_error']:.3f} | "
        f"{w['unconditional_lagged']:.3f} ± {w['lagged_error']:.3f} |"
        for w in worlds
    ]


def markdown(found: Outcomes, played: Outcomes, worlds: Sequence[dict[str, float]], digest: str) -> str:
    """Return all tables.

    Parameters
    ----------
    found, played : sequence of (StudyPlan, result)
        Studies of recorded data, and of the simulated market.
    worlds : sequence of dict
        Rows of `world_table`.
    digest : str
        Of all plans.

    Returns
    -------
    str
        Markdown.
    """
    parts = [f"Plans registered before the run: SHA-256 `{digest}`."]
    if found:
        parts += ["", *_section("Recorded data", found)]
    for name, title in (("planted", "Planted: dealers hedge"), ("null", "Null: dealers do not hedge")):
        own = [outcome for outcome in played if outcome[0].name.startswith(name)]
        if own:
            parts += ["", *_section(title, own)]
    if worlds:
        parts += ["", *_world_rows(worlds)]
    return "\n".join(parts)
