"""The proof that options do best with their own expiries: never wrong, and found for the books that people hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.tradables import Instrument
from risk.margin import pairing
from risk.margin.reg_t import RegTRules, strategy_margin
from tests.risk.contracts import FAR, NEAR, option

_DAYS: Final = (NEAR, date(2023, 6, 23), FAR)
_RULES: Final = RegTRules()
# A condor: expiry, short put below 100, its width, short call above, its width, and how many, negative for bought ones.
_Condor = tuple[int, int, int, int, int, int]
_CONDORS: Final = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(-4, 12),
        st.integers(0, 4),
        st.integers(-4, 12),
        st.integers(0, 4),
        st.sampled_from([1, 1, 1, 2, 3, -1]),
    ),
    min_size=1,
    max_size=5,
)


def _book(condors: list[_Condor], right: str = "PC") -> list[tuple[Instrument, Decimal]]:
    """Return the legs of condors; a width of 0 has none on that side."""
    held: list[tuple[Instrument, Decimal]] = []
    for day, below, put_width, above, call_width, count in condors:
        units = Decimal(count)
        if put_width and "P" in right:
            strike = 100.0 - below
            held += [(option("P", strike, day=_DAYS[day]), -units)]
            held += [(option("P", strike - put_width, day=_DAYS[day]), units)]
        if call_width and "C" in right:
            strike = 100.0 + above
            held += [(option("C", strike, day=_DAYS[day]), -units)]
            held += [(option("C", strike + call_width, day=_DAYS[day]), units)]
    return held


def _required(held: list[tuple[Instrument, Decimal]], rules: RegTRules) -> float:
    prices = {item.symbol: Decimal(2) for item, _ in held} | {"SPY": Decimal(100)}
    return strategy_margin(held, prices, rules).requirement


@settings(max_examples=60, deadline=None)
@given(condors=_CONDORS, right=st.sampled_from(["P", "C", "PC"]), rate=st.sampled_from(["0.02", "0.2", "2"]))
def test_a_proved_book_requires_what_the_programme_finds(condors: list[_Condor], right: str, rate: str) -> None:
    """Where the proof holds the integer programme finds no cent less, also where naked legs are cheap."""
    rules = replace(_RULES, equity_rate=Decimal(rate), least_rate=Decimal(rate) / 2)
    held = _book(condors, right)
    quick = _required(held, rules)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairing, "_obvious", lambda *_, **__: None)
        assert quick == _required(held, rules)


@settings(max_examples=30, deadline=None)
@given(
    shifts=st.lists(st.integers(-3, 3), min_size=6, max_size=6),
    days=st.lists(st.integers(0, 2), min_size=6, max_size=6),
)
def test_a_ladder_of_condors_needs_no_programme(shifts: list[int], days: list[int]) -> None:
    """Condors of one width that follow a walking price are proved at once, whatever their expiries."""
    ladder = [(day, 9 - shift, 3, 9 + shift, 3, 1) for day, shift in zip(days, shifts, strict=True)]
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(pairing, "_solved")
        assert 0.0 < _required(_book(ladder), _RULES) <= 300.0 * len(ladder)


def test_a_later_long_put_that_serves_an_earlier_expiry_is_no_proved_book() -> None:
    """A put that is bought without a short one of its own expiry covers an earlier one: that asks less."""
    near: list[tuple[Instrument, Decimal]] = [(option("P", 100.0), Decimal(-1)), (option("P", 95.0), Decimal(1))]
    later: list[tuple[Instrument, Decimal]] = [(option("P", 100.0, day=FAR), Decimal(1))]
    assert _required(near, _RULES) == 500.0
    assert _required(near + later, _RULES) == 0.0


@settings(max_examples=60, deadline=None)
@given(
    legs=st.lists(
        st.tuples(st.sampled_from("PC"), st.integers(-4, 4), st.integers(-4, 4), st.integers(0, 2), st.integers(1, 2)),
        min_size=1,
        max_size=3,
    ),
    rate=st.sampled_from(["0.02", "0.2", "2"]),
)
def test_calendars_and_diagonals_require_what_the_programme_finds(
    legs: list[tuple[str, int, int, int, int]], rate: str
) -> None:
    """Long options that end later are counted at once with the short ones before them, and never a cent too high."""
    rules = replace(_RULES, equity_rate=Decimal(rate), least_rate=Decimal(rate) / 2)
    held: list[tuple[Instrument, Decimal]] = []
    for right, sold, bought, day, count in legs:
        held += [(option(right, 100.0 + sold, day=_DAYS[max(day - 1, 0)]), Decimal(-count))]
        held += [(option(right, 100.0 + bought, day=_DAYS[day]), Decimal(count))]
    quick = _required(held, rules)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairing, "_obvious", lambda *_, **__: None)
        assert quick == _required(held, rules)


@pytest.mark.parametrize("rights", ["C", "P", "CP"])
def test_a_calendar_needs_no_programme(rights: str) -> None:
    """Sold soon and bought later at one strike: nothing but what was paid can be lost at the first expiry."""
    held: list[tuple[Instrument, Decimal]] = []
    for right in rights:
        held += [(option(right, 100.0), Decimal(-1)), (option(right, 100.0, day=FAR), Decimal(1))]
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(pairing, "_solved")
        assert _required(held, _RULES) == 0.0
