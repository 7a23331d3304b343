"""The tables of docs/backtest/exits.md from the code: ``python -m benchmarks.exit_page``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, Final

from numpydoc.docscrape import ClassDoc

from strategies.plan.entry import EntryRules
from strategies.plan.exits import EXIT_TABLE, ExitRules
from strategies.plan.hedging import HedgeRules
from strategies.plan.sizing import GreekLimits, SizeRules

__all__ = ["PAGE", "main", "with_tables"]

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "backtest" / "exits.md"
_CONFIGS: Final = (EntryRules, SizeRules, GreekLimits, ExitRules, HedgeRules)


def _exit_rows() -> Iterator[str]:
    yield "| rank | code | action | holds where |"
    yield "|---:|---|---|---|"
    for row in EXIT_TABLE:
        yield f"| {row.rank} | `{row.reason}` | {row.action.upper()} | {row.meaning} |"


def _meanings(config: type) -> dict[str, str]:
    """Return the description of each parameter by its name, as the docstring of its class tells them."""
    parts = ClassDoc(config)["Parameters"]
    return {name: " ".join(part.desc).strip() for part in parts for name in part.name.split(", ")}


def _told(default: Any) -> str:
    if default is MISSING:
        return ""
    if isinstance(default, GreekLimits):
        return f"`{type(default).__name__}()`"
    return f"{default}".lower() if default is None or isinstance(default, bool) else f"{default}"


def _config_rows(config: type) -> Iterator[str]:
    yield "| parameter | default | meaning |"
    yield "|---|---|---|"
    meanings = _meanings(config)
    for item in fields(config):
        yield f"| `{item.name}` | {_told(item.default)} | {meanings[item.name]} |"


def with_tables(text: str) -> str:
    """Return a page whose marked tables are those of the code.

    Parameters
    ----------
    text : str
        The page, with a pair of markers for each table.

    Returns
    -------
    str
        The same page, where the code has not changed since it was written.
    """
    tables = {"EXIT_TABLE": _exit_rows(), **{config.__name__: _config_rows(config) for config in _CONFIGS}}
    for name, rows in tables.items():
        begin, end = f"<!-- table: {name} -->", f"<!-- end of {name} -->"
        head, _, rest = text.partition(begin)
        text = f"{head}{begin}\n" + "\n".join(rows) + f"\n{end}{rest.partition(end)[2]}"
    return text


def main() -> int:
    """Write the tables into the page."""
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
