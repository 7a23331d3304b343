"""The page of a study: the verdict and the outer estimate first, what was found in sample behind them."""

from __future__ import annotations

from backtest.reports.blocks import Section
from backtest.reports.page import page_of
from backtest.reports.page_blocks import block_as_html
from tuning.reports.charts import Chart, chart_as_html
from tuning.reports.pictures import (
    course_chart,
    front_chart,
    importance_bars,
    inside_outside_chart,
    logit_chart,
    parallel_chart,
    path_chart,
    plateau_charts,
)
from tuning.reports.sections import (
    evidence_section,
    origin_section,
    outer_section,
    study_head,
    trials_section,
    verdict_section,
)
from tuning.studies.answer import StudyAnswer

__all__ = ["study_as_html"]

_PAIR = '<div style="display:grid;gap:1rem 1.6rem;grid-template-columns:repeat(auto-fit,minmax(min(22rem,100%),1fr))">'


def study_as_html(answer: StudyAnswer) -> bytes:
    """Return the page of a study.

    Parameters
    ----------
    answer : StudyAnswer
        The study.

    Returns
    -------
    bytes
        UTF-8; the page needs no network, and the same study gives the same bytes.
    """
    several = answer.outer.returns.shape[0] > 1
    fronts = (front_chart(answer),) if len(answer.objectives) > 1 else ()
    return page_of(
        study_head(answer),
        (
            _section(verdict_section(answer)),
            _section(outer_section(answer), *((path_chart(answer),) if several else ())),
            _section(evidence_section(answer), inside_outside_chart(answer), logit_chart(answer)),
            (
                "Plateaus and peaks, in sample",
                block_as_html(importance_bars(answer)) + _side_by_side(plateau_charts(answer)),
            ),
            *((("Pareto front", _side_by_side(fronts)),) if fronts else ()),
            _section(trials_section(answer), course_chart(answer), parallel_chart(answer)),
            _section(origin_section(answer)),
        ),
    )


def _section(section: Section, *charts: Chart) -> tuple[str, str]:
    return section.title, "".join(map(block_as_html, section.blocks)) + (_side_by_side(charts) if charts else "")


def _side_by_side(charts: tuple[Chart, ...]) -> str:
    return f"{_PAIR}{''.join(map(chart_as_html, charts))}</div>"
