"""Blocks cover the run's days once, in order, and are about equal."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.histories.span import Span
from market.calendars import sessions_between
from market.errors import ConfigError
from tests.tuning.evaluation.sweeps import BASE, FIRST, LAST, base_settings, walk, without_days
from tuning.configuration.settings import ValidationSettings
from tuning.evaluation.blocks import blocks_of


def _validation(blocks: int) -> ValidationSettings:
    return ValidationSettings.model_validate({"blocks": blocks, "train_blocks": 1, "test_blocks": 1})


@settings(deadline=None, max_examples=20)
@given(blocks=st.integers(3, 21))
def test_blocks_cover_the_run_once(blocks: int) -> None:
    """Each block begins where the one before ended, the first and the last with the run; sizes differ by one day."""
    found = blocks_of(_validation(blocks), base_settings(), walk(per_day=2))
    span = Span(first=FIRST, last=LAST)
    sizes = [block.n_days for block in found]
    assert [block.index for block in found] == list(range(blocks))
    assert (found[0].first_ns, found[-1].last_ns) == (span.first_ns, span.last_ns)
    assert all(after.first_ns == before.last_ns + 1 for before, after in pairwise(found))
    assert sum(sizes) == len(sessions_between("NYSE", FIRST, LAST))
    assert max(sizes) - min(sizes) <= 1


def test_days_without_data_do_not_count() -> None:
    """Where three sessions have no bar, the blocks hold three days fewer."""
    gone = (date(2023, 3, 7), date(2023, 3, 8), date(2023, 4, 3))
    whole = blocks_of(_validation(4), base_settings(), walk(per_day=2))
    holed = blocks_of(_validation(4), base_settings(), without_days(walk(per_day=2), *gone))
    assert sum(block.n_days for block in whole) - sum(block.n_days for block in holed) == 3


def test_days_of_coins_are_those_of_utc() -> None:
    """With the calendar 24/7 a block ends at midnight of UTC, and weekends count."""
    coins = base_settings(BASE.replace('name = "walk"', 'name = "walk"\ncalendar = "24/7"'))
    found = blocks_of(_validation(5), coins, walk(per_day=2))
    assert all(block.first_ns % 86_400_000_000_000 == 0 for block in found)
    assert found[0].first_ns == Span(first=FIRST, last=LAST, calendar="24/7").first_ns


def test_a_run_without_dates_begins_with_its_data() -> None:
    """The first block begins at the first mark."""
    text = "\n".join(line for line in BASE.splitlines() if not line.startswith(("from", "to")))
    history = walk(per_day=2)
    found = blocks_of(_validation(5), base_settings(text), history)
    assert found[0].first_ns == int(history.bars[0].end_ns[0])
    assert found[-1].last == LAST


def test_too_few_days_are_refused() -> None:
    """Five sessions do not fill three blocks; the error tells how many there are."""
    text = BASE.replace("2023-04-28", str(FIRST + timedelta(days=6)))
    with pytest.raises(ConfigError, match="found 5 days with data; expected 6 or more"):
        blocks_of(_validation(3), base_settings(text), walk(per_day=2))
