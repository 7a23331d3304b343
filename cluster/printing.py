"""Tables on standard output: as wide as the terminal, and never cut off on a pipe."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["plain_console", "plain_table", "short_names", "shown_score"]

_PIPE_WIDTH: Final = 200


def plain_console() -> Console:
    """Return a console for tables; a pipe has no width, so nothing is cut off there."""
    from rich.console import Console

    return Console(soft_wrap=True) if sys.stdout.isatty() else Console(soft_wrap=True, width=_PIPE_WIDTH)


def plain_table(*heads: str) -> Table:
    """Return an empty table without lines; a head that ends in ``>`` is that of a column of numbers."""
    from rich.table import Column, Table

    columns = (Column(head.removesuffix(">"), justify="right" if head.endswith(">") else "left") for head in heads)
    return Table(*columns, box=None, pad_edge=False)


def shown_score(score: float) -> str:
    """Return a score in [0, 1] with four digits, never rounded up to a perfect one."""
    return f"{math.floor(score * 10_000.0) / 10_000.0:.4f}"


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
