"""What `hedgefield fields` writes: lines of JSON or tables, pictures, and complaints."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, final

import typer

if TYPE_CHECKING:
    from cluster.playing import PlayedField

__all__ = ["FieldOutput"]


@final
class FieldOutput:
    """Writes fields one after the other.

    Parameters
    ----------
    as_json : bool
        One JSON object a line instead of tables.
    full : bool
        JSON with every array.
    plot : pathlib.Path or None
        Where the picture of the first field goes; those of others get their symbol and session into the name.
    """

    def __init__(self, *, as_json: bool, full: bool, plot: Path | None) -> None:
        self._as_json, self._full, self._plot = as_json, full, plot
        self._pictures: set[Path] = set()
        self.shown = 0
        """Fields written."""
        self.failed = 0
        """Errors written in the place of a field."""

    def show(self, result: PlayedField | Exception) -> None:
        """Write a field, or why there is none."""
        if isinstance(result, Exception):
            self.failed += 1
            _complain(result)
            return
        self.shown += 1
        snapshot, live = result.field.snapshot, result.field.live
        if self._as_json:
            from cluster.field_json import field_json

            typer.echo(field_json(snapshot, live, full=self._full))
        else:
            from cluster.tables import print_field

            print_field(snapshot, live)
        if self._plot is not None:
            self._draw(result, self._plot)

    def _draw(self, result: PlayedField, path: Path) -> None:
        from cluster.pictures.plots import write_picture
        from cluster.pictures.smiles import smiles_of
        from market.clock import datetime_of_ns

        snapshot = result.field.snapshot
        if self._pictures:
            path = path.with_stem(f"{path.stem}-{snapshot.symbol}-{snapshot.session.isoformat()}")
        if path in self._pictures:  # several snapshots of a session
            path = path.with_stem(f"{path.stem}T{datetime_of_ns(snapshot.ts_event_ns):%H%M%S}Z")
        write_picture(snapshot, path, smiles_of(result.chain, snapshot.surface, snapshot.time_basis))
        self._pictures.add(path)
        typer.echo(f"wrote {path}", err=True)

    def complain_nothing(self, symbol: str | None, session: date | None) -> None:
        """Say that nothing of what was asked for is in the files."""
        from market.errors import DataError

        wanted = " and ".join(filter(None, (symbol, None if session is None else session.isoformat()))) or "any chain"
        self.show(
            DataError(f"the files hold nothing for {wanted}", action="see what they hold with `hedgefield data ls`")
        )


def _complain(error: Exception) -> None:
    from rich.console import Console
    from rich.text import Text

    Console(stderr=True, soft_wrap=True).print(Text.assemble(("error: ", "bold red"), str(error)))
