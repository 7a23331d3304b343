"""Run every registered study: python -m benchmarks.evidence_studies --data DIR [--only real] [--write FILE.md].

Prints the plans and their digests before any result, then writes the tables between the markers of a Markdown file
and everything as JSON beside it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from cluster.studies.catalogue import (
    Outcome,
    Study,
    digest_of,
    real_studies,
    record_of,
    run,
    simulated_studies,
    world_table,
)
from cluster.studies.report import markdown
from fields.evidence import StudyPlan

__all__ = ["main", "run_all"]


def run_all(studies: Sequence[Study]) -> list[tuple[StudyPlan, Outcome]]:
    """Run studies in order."""
    outcomes: list[tuple[StudyPlan, Outcome]] = []
    for study in studies:
        outcomes.append((study.plan, run(study)))
        print(f"done {study.plan.name}", flush=True)
    return outcomes


_BEGIN, _END = "<!-- figures: benchmarks/evidence_studies.py -->", "<!-- end of figures -->"


def _write(path: Path, tables: str, record: dict[str, object]) -> None:
    text = path.read_text(encoding="utf-8") if path.is_file() else f"{_BEGIN}\n{_END}\n"
    head, _, rest = text.partition(_BEGIN)
    tail = rest.partition(_END)[2]
    path.write_text(f"{head}{_BEGIN}\n\n{tables}\n\n{_END}{tail}", encoding="utf-8")
    path.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the recorded market data")
    parser.add_argument("--only", choices=("real", "simulated", "world"), help="one part instead of all")
    parser.add_argument("--write", type=Path, help="Markdown file whose figures are replaced; JSON goes beside it")
    chosen = parser.parse_args(arguments)
    real = real_studies(chosen.data) if chosen.only in {None, "real"} else []
    simulated = simulated_studies() if chosen.only in {None, "simulated"} else []
    for study in (*real, *simulated):
        print(f"registered {study.plan.name:18} {study.n_trials:3} trials  {study.plan.digest()}")
    every = digest_of((*real, *simulated))
    print(f"all plans {every}", flush=True)
    found, played = run_all(real), run_all(simulated)
    worlds = world_table() if chosen.only in {None, "world"} else []
    tables = markdown(found, played, worlds, every)
    print(tables)
    if chosen.write:
        record: dict[str, object] = {
            "digest": every,
            "real": [record_of(plan, outcome) for plan, outcome in found],
            "simulated": [record_of(plan, outcome) for plan, outcome in played],
            "world": worlds,
        }
        _write(chosen.write, tables, record)


if __name__ == "__main__":
    main()
