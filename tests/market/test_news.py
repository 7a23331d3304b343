"""News as they were known: revisions, order, and nothing from the future."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.errors import DataError
from market.news import NewsBatch
from market.provenance import AsOfSource, Provenance

_PROVENANCE = Provenance(source="test", origin="test", simulated=True, as_of_source=AsOfSource.STAMPED)


def _news(*rows: tuple[str, int, int]) -> NewsBatch:
    """Return articles of (id, published, available)."""
    return NewsBatch(
        ts_event_ns=max((known for _, _, known in rows), default=0),
        cause_id="test",
        provenance=_PROVENANCE,
        article_id=tuple(name for name, _, _ in rows),
        published_ns=np.array([published for _, published, _ in rows], dtype=np.int64),
        available_ns=np.array([known for _, _, known in rows], dtype=np.int64),
        headline=tuple(f"{name} as of {known}" for name, _, known in rows),
        source=("wire",) * len(rows),
        symbols=(("SPY",),) * len(rows),
    )


def test_a_revised_article_is_read_as_it_stood() -> None:
    """Before the revision the first text is known, after it the second, and both are one article."""
    news = _news(("a", 10, 10), ("b", 12, 12), ("a", 10, 20))
    assert news.known_at(19).headline == ("a as of 10", "b as of 12")
    assert news.known_at(20).headline == ("b as of 12", "a as of 20")
    assert news.known_at(20).ts_event_ns == 20


def test_nothing_is_known_before_the_first_article() -> None:
    """An empty answer, not an error."""
    assert _news(("a", 10, 10)).known_at(9).n_articles == 0


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 50)), max_size=20), st.integers(0, 50))
def test_the_future_never_changes_what_was_known(rows: list[tuple[str, int]], instant: int) -> None:
    """Rows that became known after an instant may be cut off without a change of the answer as of it."""
    ordered = sorted(((name, known, known) for name, known in rows), key=lambda row: row[2])
    whole, cut = _news(*ordered), _news(*[row for row in ordered if row[2] <= instant])
    assert whole.known_at(instant).headline == cut.known_at(instant).headline


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ((("a", 10, 9),), "before its publication"),
        ((("a", 1, 20), ("b", 1, 10)), "out of order"),
    ],
)
def test_rows_that_cannot_be_are_refused(rows: tuple[tuple[str, int, int], ...], what: str) -> None:
    """An article that was known before it was published, and rows that are not in order."""
    with pytest.raises(DataError, match=what):
        _news(*rows)


def test_columns_of_different_lengths_are_refused() -> None:
    """Each row has every column."""
    with pytest.raises(DataError, match="lengths"):
        replace(_news(("a", 1, 1)), headline=())
