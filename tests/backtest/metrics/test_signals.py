"""Signals are scored against returns that begin after they were known."""

from __future__ import annotations

import numpy as np
import pytest

from backtest.metrics.days import LISTED_CALENDAR
from backtest.metrics.signals import SignalTable, score_signals, signal_sample
from fields.evidence.plan import Horizon
from market.chains import FloatArray
from market.errors import DataError
from market.trades import Int64Array
from tests.backtest.metrics.samples import session_closes

_MINUTE_NS = 60_000_000_000


def _prices(n_days: int, seed: int = 1) -> tuple[Int64Array, FloatArray]:
    """Seven prices a day, each half hour before the close."""
    ts_ns = (session_closes(n_days)[:, None] - 30 * _MINUTE_NS * np.arange(6, -1, -1)).ravel()
    steps = np.random.default_rng(seed).normal(0.0, 0.004, ts_ns.size)
    return ts_ns, 100.0 * np.exp(np.cumsum(steps))


def _signals(n_days: int, strength: float) -> tuple[SignalTable, Int64Array, FloatArray]:
    ts_ns, price = _prices(n_days)
    rows = np.arange(1, ts_ns.size - 2, 7)
    later = np.log(price[rows + 2] / price[rows + 1])
    rng = np.random.default_rng(2)
    planted = strength * later / later.std() + rng.normal(size=rows.size)
    table = SignalTable(
        known_ns=ts_ns[rows],
        value=np.column_stack([planted, rng.normal(size=rows.size)]),
        names=("own", "noise"),
        signs=(1, 1),
    )
    return table, ts_ns, price


def test_a_signal_that_foretells_is_found_and_noise_beside_it_is_not() -> None:
    """The planted one adds to the baseline after Holm's adjustment."""
    table, ts_ns, price = _signals(400, 0.8)
    found = score_signals(table, ts_ns, price, horizon=Horizon.THIRTY_MINUTES, calendar=LISTED_CALENDAR, n_draws=200)
    assert found.p_holm[0] < 0.001
    assert found.p_holm[1] > 0.05
    assert found.study.findings[0].score.value > 0.65
    assert found.study.n_folds > 10


def test_a_signal_that_knows_only_the_past_scores_no_better_than_chance() -> None:
    """The last return of a random walk says nothing of the next: no look-ahead by a price shared between the two."""
    ts_ns, price = _prices(400)
    rows = np.arange(1, ts_ns.size - 2, 7)
    past = np.log(price[rows] / price[rows - 1])[:, None]
    table = SignalTable(known_ns=ts_ns[rows], value=past, names=("past",), signs=(1,))
    found = score_signals(table, ts_ns, price, horizon=Horizon.THIRTY_MINUTES, calendar=LISTED_CALENDAR, n_draws=200)
    assert 0.4 < found.study.findings[0].score.value < 0.6
    assert found.p_holm[0] > 0.05


def test_a_return_begins_after_the_signal_and_ends_with_its_horizon() -> None:
    """Known at the first price of a day: it enters at the second, and leaves half an hour, a day or two later."""
    ts_ns, price = _prices(3)
    table = SignalTable(known_ns=ts_ns[:1], value=np.ones((1, 1)), names=("s",), signs=(1,))
    for horizon, place in ((Horizon.THIRTY_MINUTES, 2), (Horizon.REST_OF_DAY, 6), (Horizon.NEXT_DAY, 13)):
        sample = signal_sample(table, ts_ns, price, horizon=horizon, calendar=LISTED_CALENDAR)
        assert sample.outcome[0] == pytest.approx(np.log(price[place] / price[1]))
        assert sample.outcome_ns[0] == ts_ns[place]


def test_the_baseline_knows_the_day_so_far_and_the_day_before() -> None:
    """On the third day both are there; on the first neither is."""
    ts_ns, price = _prices(3)
    table = SignalTable(known_ns=ts_ns[[2, 16]], value=np.ones((2, 1)), names=("s",), signs=(1,))
    found = signal_sample(table, ts_ns, price, horizon=Horizon.REST_OF_DAY, calendar=LISTED_CALENDAR).baseline
    assert np.isnan(found[0]).all()
    assert found[1] == pytest.approx([np.log(price[16] / price[13]), np.log(price[13] / price[6])])


def test_where_the_data_end_there_is_no_outcome() -> None:
    """A half hour that reaches over the close, the last price, and the day after the last have none."""
    ts_ns, price = _prices(2)
    table = SignalTable(known_ns=ts_ns[[5, 13]], value=np.ones((2, 1)), names=("s",), signs=(1,))
    for horizon in Horizon:
        outcome = signal_sample(table, ts_ns, price, horizon=horizon, calendar=LISTED_CALENDAR).outcome
        assert np.isnan(outcome[1])
        assert np.isnan(outcome[0]) == (horizon is not Horizon.NEXT_DAY)


def test_later_prices_change_no_row_that_was_complete() -> None:
    """Cutting the data leaves rows whose outcome was known before the cut as they were."""
    table, ts_ns, price = _signals(60, 0.5)
    whole, cut = (
        signal_sample(table, ts_ns[:n], price[:n], horizon=Horizon.REST_OF_DAY, calendar=LISTED_CALENDAR)
        for n in (ts_ns.size, 30 * 7)
    )
    rows = np.flatnonzero(whole.outcome_ns <= ts_ns[30 * 7 - 1])
    assert rows.size > 25
    assert np.array_equal(whole.outcome[rows], cut.outcome[rows])
    assert np.array_equal(whole.baseline[rows], cut.baseline[rows], equal_nan=True)


def test_prices_that_cannot_be_are_refused() -> None:
    """A price of 0, or instants that fall."""
    table, ts_ns, price = _signals(5, 0.5)
    with pytest.raises(DataError, match="cannot be"):
        signal_sample(table, ts_ns, 0.0 * price, horizon=Horizon.NEXT_DAY, calendar=LISTED_CALENDAR)
    with pytest.raises(DataError, match="does not fit"):
        SignalTable(known_ns=ts_ns[:2], value=np.ones((3, 1)), names=("s",), signs=(1,))
