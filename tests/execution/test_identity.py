"""The encoding of values and the ids that are made from it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.identity import (
    MAX_CLIENT_ID,
    canonical,
    client_order_id,
    decision_id,
    digest_of,
    intent_id,
    package_id,
)
from market.errors import DataError
from market.orders import PositionEffect
from market.tradables import Share
from tests.execution.order_samples import condor, intent_for


class _Side(StrEnum):
    OPEN = "open"


@dataclass(frozen=True)
class _Pair:
    left: object
    right: object


_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.binary(max_size=8), st.decimals(allow_nan=False)
)
_VALUES = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=8)


def _typed(value: object) -> object:
    """Spell a value out with its types, because 1, True and Decimal(1) are equal to Python."""
    if isinstance(value, tuple):
        return ("tuple", *map(_typed, value))
    return (type(value).__name__, value)


@given(_VALUES, _VALUES)
def test_values_share_an_encoding_exactly_where_they_are_equal_and_of_one_type(left: object, right: object) -> None:
    """No two unlike values meet in one id, however they nest."""
    assert (canonical(left) == canonical(right)) == (_typed(left) == _typed(right))


@given(st.floats(), st.floats())
def test_a_float_is_encoded_bit_by_bit(left: float, right: float) -> None:
    """Floats share an encoding where their bits do; every NaN is the same missing value."""
    is_same = (left != left and right != right) or np.float64(left).tobytes() == np.float64(right).tobytes()
    assert (canonical(left) == canonical(right)) == is_same


def test_a_decimal_keeps_every_digit_and_drops_its_trailing_zeros() -> None:
    """The value counts: 1.10 is 1.1, and a digit beyond the usual 28 is not rounded away."""
    assert canonical(Decimal("1.10")) == canonical(Decimal("1.1"))
    assert canonical(Decimal("-0.0")) == canonical(Decimal(0))
    long = "1." + "0" * 40 + "1"
    assert canonical(Decimal(long)) != canonical(Decimal(1))


def test_members_of_two_enums_with_one_value_differ() -> None:
    """Python calls them equal, and the caches must not."""
    assert len({_Side.OPEN, PositionEffect.OPEN, "open"}) == 1
    assert len({canonical(_Side.OPEN), canonical(PositionEffect.OPEN), canonical("open")}) == 3


def test_the_order_of_a_mapping_and_of_a_set_does_not_matter() -> None:
    """A digest depends on what is told, not on the order of telling."""
    first: OrderedDict[str, int] = OrderedDict((("a", 1), ("b", 2)))
    second = MappingProxyType({"b": 2, "a": 1})
    assert canonical(first) == canonical(second)
    assert canonical({"x", "y", "z"}) == canonical(frozenset(("z", "y", "x")))
    assert canonical({"a": 1, "b": 2}) != canonical({"a": 2, "b": 1})


def test_an_array_is_encoded_by_type_shape_and_content_whatever_its_layout() -> None:
    """A strided or byte-swapped copy of the same numbers is the same; another shape or type is not."""
    grid = np.arange(6.0).reshape(2, 3)
    assert canonical(grid) == canonical(np.asfortranarray(grid)) == canonical(grid.astype(">f8"))
    others = [grid.ravel(), grid.astype(np.float32), grid.T, grid + 1.0]
    assert len({canonical(each) for each in [grid, *others]}) == 5
    assert canonical(np.float64(0.5)) == canonical(0.5)


def test_a_dataclass_is_its_name_and_its_fields() -> None:
    """Equal intents share a digest; one changed field changes it; a date is not a datetime."""
    assert digest_of(intent_for(condor())) == digest_of(intent_for(condor()))
    assert digest_of(intent_for(condor())) != digest_of(intent_for(condor(), quantity="11"))
    assert digest_of(Share(symbol="SPY")) != digest_of(Share(symbol="SPY", currency="EUR"))
    assert canonical(_Pair("a", ("b", "c"))) != canonical(_Pair(("a", "b"), "c"))
    assert canonical(date(2023, 6, 2)) != canonical(datetime(2023, 6, 2, tzinfo=UTC))


@pytest.mark.parametrize("value", [object(), (1, object()), np.array([object()]), {"a": complex(1, 2)}])
def test_a_value_without_an_encoding_is_refused(value: object) -> None:
    """A default such as repr would put an address of the memory into an id."""
    with pytest.raises(DataError, match="cannot be written into an id"):
        canonical(value)


def test_ids_differ_in_every_part_and_never_by_where_the_parts_are_cut() -> None:
    """Each part counts, and shifting a letter from one to the next makes another id."""
    base = decision_id("condor", "p", 1, (("chain", "x"),))
    others = [
        decision_id("condors", "p", 1, (("chain", "x"),)),
        decision_id("condor", "q", 1, (("chain", "x"),)),
        decision_id("condor", "p", 2, (("chain", "x"),)),
        decision_id("condor", "p", 1, (("chai", "nx"),)),
        decision_id("condor", "p", 1, (("chain", "x"), ("field", "y"))),
        decision_id("condor", "p", 1, ()),
    ]
    assert len({base, *others}) == 7
    assert len({intent_id("d", 1), intent_id("d", 2), intent_id("d1", 2), package_id("d", 1)}) == 4
    assert client_order_id("ab", "c", "g") != client_order_id("a", "bc", "g")
    assert client_order_id("ab", "c", "g") != client_order_id("ab", "c", "g", attempt=1)


@given(st.text(), st.text(), st.text(), st.integers(min_value=0))
def test_a_client_order_id_is_taken_by_every_venue(strategy: str, decision: str, group: str, attempt: int) -> None:
    """It fits OKX, the narrowest (32 letters and digits), and so Binance, Bybit, Deribit and Alpaca."""
    made = client_order_id(strategy, decision, group, attempt)
    assert len(made) <= MAX_CLIENT_ID
    assert re.fullmatch(r"[0-9a-z]{1,32}", made)
    assert re.fullmatch(r"[\.A-Z\:/a-z0-9_-]{1,36}", made)


def test_another_process_derives_the_same_ids() -> None:
    """Nothing hangs on the hash seed of a process: sets, enums and texts encode alike under two seeds."""
    code = (
        "from execution.identity import digest_of, client_order_id\n"
        "from market.orders import PositionEffect\n"
        "print(digest_of((frozenset('abcdef'), PositionEffect.OPEN, 0.1)), client_order_id('s', 'd', 'g'))\n"
    )
    told = {
        subprocess.run(  # this interpreter, a fixed text
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, check=True, capture_output=True, text=True
        ).stdout
        for seed in ("1", "2")
    }
    here = f"{digest_of((frozenset('abcdef'), PositionEffect.OPEN, 0.1))} {client_order_id('s', 'd', 'g')}\n"
    assert told == {here}
