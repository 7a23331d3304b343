"""``hedgefield data ls``: what option chains lie in a folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from adapters.listing import FileSummary

__all__ = ["data_ls"]

_PIPE_WIDTH: Final = 200


def data_ls(
    path: Annotated[Path, typer.Argument(help="A file, or a folder that is searched with all below it.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per file.")] = False,  # noqa: FBT002
) -> None:
    """List option-chain files: format, symbols, sessions, contracts; and why a file is not one."""
    from adapters.listing import list_chain_files
    from market.errors import DataError

    if not path.exists():
        raise DataError("no such file or folder", path=str(path), action="check the path")
    found = []
    for summary in list_chain_files(path):
        if as_json:
            typer.echo(_json(summary))
        found.append(summary)
    if not as_json:
        _print_table(found)
    if not any(not item.problem for item in found):
        raise DataError("no option chains found", path=str(path), expected="files that `hedgefield fields` reads")


def _json(item: FileSummary) -> str:
    import json

    return json.dumps(
        {
            "path": str(item.path),
            "format": item.format,
            "symbols": list(item.symbols),
            "snapshots": item.n_snapshots,
            "first_session": item.first_session.isoformat() if item.first_session else None,
            "last_session": item.last_session.isoformat() if item.last_session else None,
            "contracts": item.n_contracts,
            "simulated": item.simulated,
            "problem": item.problem,
        }
    )


def _print_table(found: list[FileSummary]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("file", "format", "symbols", "sessions", "chains", "contracts", box=None, pad_edge=False)
    for item in found:
        if item.problem:
            continue
        names = ", ".join(item.symbols[:4]) + (f" +{len(item.symbols) - 4}" if len(item.symbols) > 4 else "")
        sessions = f"{item.first_session} to {item.last_session}" if item.n_snapshots > 1 else f"{item.first_session}"
        mark = " (simulated)" if item.simulated else ""
        table.add_row(
            item.path.name, item.format + mark, names, sessions, f"{item.n_snapshots}", f"{item.n_contracts:,}"
        )
    # A pipe has no width: nothing is cut off there.
    console = Console(soft_wrap=True) if sys.stdout.isatty() else Console(soft_wrap=True, width=_PIPE_WIDTH)
    console.print(table)
    for item in found:
        if item.problem:
            console.print(f"{item.path.name}: {item.problem}", style="dim", markup=False, highlight=False)
