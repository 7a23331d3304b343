"""Run every benchmark, print one table and write it as JSON: ``python -m benchmarks [NAME ...]``."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

_HERE = Path(__file__).resolve().parent


def _names() -> list[str]:
    return sorted(path.stem.removeprefix("bench_") for path in _HERE.glob("bench_*.py"))


def _commit() -> str:
    found = subprocess.run(  # fixed arguments
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607
        cwd=_HERE,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or "unknown"


def _measure(name: str) -> list[dict[str, object]]:
    """Run one benchmark in this process and return its rows."""
    from benchmarks.harness import print_rows, rows_as_json

    print(f"\n{name}", flush=True)
    rows = importlib.import_module(f"benchmarks.bench_{name}").run()
    print_rows(rows)
    return [{"benchmark": name, **row} for row in rows_as_json(rows)]


def _measure_apart(name: str) -> list[dict[str, object]]:
    """Run one benchmark in a process of its own, so that none inherits another's threads, caches or cluster."""
    scratch = _HERE / "results" / f"{name}.local.json"
    scratch.unlink(missing_ok=True)
    command = [sys.executable, "-m", "benchmarks", "--here", name, "--output", str(scratch)]
    finished = subprocess.run(command, cwd=_HERE.parent, check=False)  # noqa: S603  # our own arguments
    if finished.returncode or not scratch.exists():
        return [{"benchmark": name, "name": "did not finish", "passed": False, "exit_code": finished.returncode}]
    rows: list[dict[str, object]] = json.loads(scratch.read_text(encoding="utf-8"))["rows"]
    return rows


def main() -> int:
    """Run the named benchmarks, or all of them; exit 1 where a figure was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(_names())}")
    parser.add_argument("--output", type=Path, default=_HERE / "results" / "latest.local.json")
    parser.add_argument("--here", action="store_true", help="run in this process")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(_names()))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(_names())}")
    measure = _measure if arguments.here else _measure_apart
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    rows = [row for name in arguments.names or _names() for row in measure(name)]
    from benchmarks.harness import instruction_set

    record = {
        "commit": _commit(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "instruction_set": instruction_set(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "rows": rows,
    }
    arguments.output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    missed = [row for row in rows if row.get("passed") is False]
    if not arguments.here:
        print(f"\n{len(rows)} rows, {len(missed)} missed; written to {arguments.output}")
    return 1 if missed and not arguments.here else 0


if __name__ == "__main__":
    raise SystemExit(main())
