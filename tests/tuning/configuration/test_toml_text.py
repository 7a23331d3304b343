"""Tables written as TOML."""

from __future__ import annotations

import tomllib
from datetime import date, datetime, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.errors import ConfigError
from tuning.configuration.toml_text import toml_of

_SCALARS = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.dates()
    | st.times()
)
_KEYS = st.text(st.characters(exclude_categories=["Cs"]))
_VALUES: st.SearchStrategy[Any] = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3), max_leaves=8
)


@given(st.dictionaries(_KEYS, _VALUES, max_size=4))
def test_what_is_written_reads_back_the_same(tables: dict[str, Any]) -> None:
    """Any tables that TOML can hold come back equal, and of the same kinds."""
    assert repr(tomllib.loads(toml_of(tables))) == repr(tables) or tomllib.loads(toml_of(tables)) == tables


def test_lists_of_tables_stand_apart_and_none_is_left_out() -> None:
    """A file for people: one heading for each strategy, nothing where nothing is told."""
    text = toml_of({"run": {"name": "x", "to": None}, "strategies": [{"kind": "noop", "parameters": {"a": 1.0}}]})
    assert text == '[run]\nname = "x"\n\n[[strategies]]\nkind = "noop"\nparameters = { a = 1.0 }\n'
    at = {"at": datetime(2025, 6, 2, 9, 30), "on": date(2025, 6, 2), "times": [time(10, 0)]}  # noqa: DTZ001  # local
    assert tomllib.loads(toml_of(at)) == at


def test_what_has_no_form_is_refused() -> None:
    """A value that no reader could take back is told."""
    with pytest.raises(ConfigError, match="no form in TOML; found object"):
        toml_of({"a": object()})
