"""The page that says where everything comes from, so that a result can be made again and doubted."""

from __future__ import annotations

from backtest.reports.blocks import Grid, Section
from backtest.reports.wording import instant
from backtest.results import RunResult

__all__ = ["assumptions_line", "origin_section"]


def assumptions_line(result: RunResult) -> str:
    """Return the first line of every report: how orders were filled, and on what data."""
    about = result.description
    data = "simulated data" if about.simulated else "recorded data"
    return f"Fills: {about.fill_model}. Slippage: {about.slippage_model}. Costs: {about.cost_model}. On {data}."


def origin_section(result: RunResult) -> Section:
    """Return data, models, seed, versions, digests and counts of a run."""
    about = result.description
    sources = tuple(
        (
            source.name,
            source.provenance.source,
            source.provenance.origin,
            "simulated" if source.provenance.simulated else "recorded",
            f"{source.rows:,}",
            f"{instant(source.first_ns)} to {instant(source.last_ns)}",
            "not judged" if source.provenance.quality is None else f"{source.provenance.quality:.3f}",
            source.digest[:16],
        )
        for source in about.sources
    )
    heads = ("data", "source", "origin", "kind", "rows>", "span, UTC", "quality>", "SHA-256 begins")
    facts = (
        ("configuration, SHA-256", about.config_digest),
        ("ledger, last link of its chain", result.ledger_digest),
        ("code", about.code_version),
        ("seed", str(about.seed)),
        ("fill model", about.fill_model),
        ("slippage", about.slippage_model),
        ("costs", about.cost_model),
        ("trials on these data, this one included", str(about.n_trials)),
        ("days a year of annual figures", str(about.periods_per_year)),
        ("account currency", about.currency),
        ("bookings of the ledger", f"{len(result.ledger):,}"),
        ("stopped", result.stopped or "no"),
    )
    counts = tuple((name.replace("_", " "), f"{number:,}") for name, number in sorted(result.counts.items()))
    return Section(
        title="Data and provenance",
        blocks=(
            Grid(title="Data", heads=heads, rows=sources, empty="no data were read"),
            Grid(title="Run", heads=("what", "value"), rows=facts),
            *(
                [Grid(title="Configuration", heads=("what", "value"), rows=about.provenance)]
                if about.provenance
                else []
            ),
            Grid(title="Counts", heads=("what", "number>"), rows=counts, empty="nothing to count"),
        ),
    )
