"""Tables on standard output: as wide as the terminal, and never cut off on a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["plain_console", "short_names"]

_PIPE_WIDTH: Final = 200


def plain_console() -> Console:
    """Return a console for tables; a pipe has no width, so nothing is cut off there."""
    from rich.console import Console

    return Console(soft_wrap=True) if sys.stdout.isatty() else Console(soft_wrap=True, width=_PIPE_WIDTH)


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
