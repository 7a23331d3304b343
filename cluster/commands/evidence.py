"""``hedgefield evidence``: what readings of the field foretell of volatility, in registered studies."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cluster.studies.catalogue import Outcome, Study
    from fields.evidence import StudyPlan

__all__ = ["evidence"]

_NEEDED = (
    "daily/cboe_vol_indices.parquet",
    "daily/spx_spy_qqq_daily.parquet",
    "option_chains/spx_chain_daily_aggregates.csv.gz",
)


class _Market(StrEnum):
    """Kinds of simulated markets."""

    PLANTED = "planted"
    NULL = "null"


def evidence(
    data: Annotated[Path | None, typer.Option(help="Folder of recorded market data: run the studies on it.")] = None,
    simulated: Annotated[
        _Market | None,
        typer.Option(help="Run them on a simulated market instead: dealers hedge (planted), or do not (null)."),
    ] = None,
    symbols: Annotated[int, typer.Option(min=2, max=400, help="Simulated symbols.")] = 40,
    sessions: Annotated[int, typer.Option(min=10, max=250, help="Sessions of each.")] = 30,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulated market.")] = 11,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")] = False,  # noqa: FBT002
) -> None:
    """Run the registered studies: does the field foretell volatility beyond what volatility itself foretells.

    Plans are told before any result; every figure comes with its rows, its error and the power that as many rows have.
    """
    if (data is None) == (simulated is None):
        raise typer.BadParameter("give either --data FOLDER or --simulated planted|null")
    if data is not None:
        _check_data(data)
    from cluster.studies.catalogue import digest_of, real_studies, run, simulated_studies

    studies = (
        real_studies(data)
        if data is not None
        else simulated_studies((str(simulated),), n_symbols=symbols, n_sessions=sessions, seed=seed)
    )
    digest = digest_of(studies)
    for study in studies:
        _note(f"registered {study.plan.name}: {study.n_trials} trials, plan {study.plan.digest()}")
    outcomes = []
    for study in studies:
        outcomes.append((study.plan, run(study)))
        _note(f"done {study.plan.name}")
    _show(studies, outcomes, digest, simulated=simulated is not None, as_json=as_json)


def _check_data(folder: Path) -> None:
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    if missing:
        from market.errors import DataError

        raise DataError(
            "the folder lacks what the studies read",
            path=str(folder),
            found=f"no {missing[0]}",
            expected=", ".join(_NEEDED),
            action="name the folder of recorded data, or use --simulated",
        )


def _note(text: str) -> None:
    typer.echo(text, err=True)


def _show(
    studies: list[Study], outcomes: list[tuple[StudyPlan, Outcome]], digest: str, *, simulated: bool, as_json: bool
) -> None:
    from cluster.studies.catalogue import record_of
    from cluster.studies.report import markdown

    if as_json:
        import json

        record = {
            "digest": digest,
            "simulated": simulated,
            "trials": sum(study.n_trials for study in studies),
            "studies": [record_of(plan, outcome) for plan, outcome in outcomes],
        }
        typer.echo(json.dumps(record, allow_nan=False))
        return
    if simulated:
        typer.echo("SIMULATED market: this says what the harness finds, and nothing of any real market.\n")
    typer.echo(markdown([] if simulated else outcomes, outcomes if simulated else [], [], digest))
