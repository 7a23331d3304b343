"""Tables on standard output: as wide as the terminal, and never cut off on a pipe."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["plain_console", "plain_table", "short_names", "shown_name", "shown_score"]

_PIPE_WIDTH: Final = 200
_LEAST_WIDTH: Final = 120  # below, the terminal breaks the lines: that is better than cut dates and numbers


def plain_console() -> Console:
    """Return a console for tables; a pipe has no width, so nothing is cut off there."""
    from rich.console import Console

    wide = max(get_terminal_size().columns, _LEAST_WIDTH) if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(soft_wrap=True, width=wide)


def plain_table(*heads: str) -> Table:
    """Return an empty table without lines.

    Parameters
    ----------
    *heads : str
        Of its columns; one that ends in ``>`` is that of numbers, one in ``!`` that of words that are not broken.

    Returns
    -------
    rich.table.Table
        Too long words are broken and never cut.
    """
    from rich.table import Column, Table

    columns = (
        Column(
            head.rstrip(">!"),
            justify="right" if head.endswith(">") else "left",
            no_wrap=head[-1] in ">!",
            overflow="fold",
        )
        for head in heads
    )
    return Table(*columns, box=None, pad_edge=False)


def shown_score(score: float) -> str:
    """Return a score in [0, 1] with four digits, never rounded up to a perfect one."""
    return f"{math.floor(score * 10_000.0) / 10_000.0:.4f}"


def shown_name(name: str) -> str:
    """Return a file's name for a line of a terminal: line ends and control characters are written out."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in name)


def short_names(names: Sequence[str], most: int = 4) -> str:
    """Return the first names and how many more there are.

    Parameters
    ----------
    names : sequence of str
        Names.
    most : int
        How many are written out.

    Returns
    -------
    str
        Such as ``AAPL, GOOG +12``.
    """
    return ", ".join(names[:most]) + (f" +{len(names) - most}" if len(names) > most else "")
