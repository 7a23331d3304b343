"""What a report is made of, before it is a page, a picture or a table of the terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from market.chains import FloatArray
from market.trades import Int64Array

__all__ = [
    "Bars",
    "Block",
    "Curve",
    "Fact",
    "Facts",
    "Grid",
    "Line",
    "Months",
    "Note",
    "Report",
    "Role",
    "Section",
    "Shares",
]


class Role(StrEnum):
    """What a line or a number stands for; each has its colour in every format."""

    MAIN = "main"
    OTHER = "other"  # the benchmark, or the second of two runs
    LOSS = "loss"
    PLAIN = "plain"
    GOOD = "good"
    WARN = "warn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One number with its name.

    Parameters
    ----------
    name : str
        What it is.
    text : str
        Its value with the unit.
    note : str
        What belongs beside it: interval, baseline, number of trials, or why it is missing.
    role : Role
        How it is coloured.
    """

    name: str
    text: str
    note: str = ""
    role: Role = Role.PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Numbers beside each other.

    Parameters
    ----------
    items : tuple of Fact
        In order.
    """

    items: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table.

    Parameters
    ----------
    heads : tuple of str
        Of its columns; one that ends in ``>`` is that of numbers, one in ``!`` that of words that are not broken.
    rows : tuple of tuple of str
        Cells.
    empty : str
        What is said where there are no rows.
    title : str
        Of the table within its section.
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str = "none"
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One series of a curve.

    Parameters
    ----------
    name : str
        For the key.
    values : ndarray, shape (n,)
        NaN where it is missing.
    role : Role
        How it is coloured.
    is_filled : bool
        Whether the space between line and zero is filled.
    """

    name: str
    values: FloatArray
    role: Role
    is_filled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Series over time.

    Parameters
    ----------
    title : str
        What is drawn.
    ts_ns : ndarray of int64, shape (n,)
        Instants, ns since the epoch, UTC, rising.
    lines : tuple of Line
        What is drawn, the most important last.
    shown : callable
        Writes a value of the axis.
    is_tall : bool
        Whether it is the main picture of its section.
    """

    title: str
    ts_ns: Int64Array
    lines: tuple[Line, ...]
    shown: Callable[[float], str]
    is_tall: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Named amounts beside each other, signed.

    Parameters
    ----------
    title : str
        What is compared.
    items : tuple of (str, float)
        Name and amount.
    shown : callable
        Writes an amount.
    """

    title: str
    items: tuple[tuple[str, float], ...]
    shown: Callable[[float], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Months:
    """Returns by year and month.

    Parameters
    ----------
    years : tuple of int
        Rows.
    returns : ndarray, shape (n_years, 13)
        Fraction; twelve months and the year. NaN where the run was not in the market.
    """

    years: tuple[int, ...]
    returns: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """How a whole is divided, one bar a row.

    Parameters
    ----------
    title : str
        What is divided.
    rows : tuple of (str, tuple of (str, float))
        Name of the whole, and its parts with their shares in [0, 1].
    """

    title: str
    rows: tuple[tuple[str, tuple[tuple[str, float], ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A paragraph.

    Parameters
    ----------
    text : str
        In words.
    role : Role
        ``WARN`` for what a reader must not miss.
    """

    text: str
    role: Role = Role.PLAIN


Block = Facts | Grid | Curve | Bars | Months | Shares | Note
"""Part of a section."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One page of the PDF, one chapter of the HTML sheet.

    Parameters
    ----------
    title : str
        Its name.
    blocks : tuple of Block
        What stands in it.
    """

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report in whatever format.

    Parameters
    ----------
    title : str
        Of the run.
    assumptions : str
        How orders were filled: it is the first line of every format.
    is_simulated : bool
        Whether the mark stands in the title of each page.
    warnings : tuple of str
        What a reader must not miss: an early stop, marks of a model, too short a sample.
    sections : tuple of Section
        In order.
    """

    title: str
    assumptions: str
    is_simulated: bool
    warnings: tuple[str, ...]
    sections: tuple[Section, ...]
