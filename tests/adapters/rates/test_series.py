"""Daily series: layouts, units, publication stamps, and nothing visible before it was printed."""

from __future__ import annotations

import math
import pickle
from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.rates import PUBLISHED, BusinessDays, PublicationRule, SeriesTerms, read_series
from market.clock import ns_of_datetime
from market.errors import ConfigError, DataError
from market.provenance import AsOfSource, Provenance
from market.series import SeriesBatch, SeriesUnit

_NEW_YORK = ZoneInfo("America/New_York")
_DAY_NS = 86_400 * 1_000_000_000


def _at(*parts: int, zone: ZoneInfo = _NEW_YORK) -> int:
    return ns_of_datetime(datetime(*parts, tzinfo=zone))  # type: ignore[misc,arg-type]  # year to minute


def _written(folder: Path, text: str, name: str = "fred.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("column", "observed", "printed"),
    [
        ("dff", date(2023, 5, 22), (2023, 5, 23, 16, 15)),
        ("dff", date(2023, 5, 26), (2023, 5, 30, 16, 15)),  # Memorial Day lies between
        ("dff", date(2023, 10, 6), (2023, 10, 10, 16, 15)),  # Columbus Day: shares trade, the publisher rests
        ("dff", date(2023, 5, 20), (2023, 5, 22, 16, 15)),  # a Saturday
        ("dpcredit", date(2008, 10, 8), (2008, 10, 8, 16, 15)),  # announced that morning
        ("vix", date(2018, 2, 5), (2018, 2, 5, 16, 30)),
        ("skew", date(2023, 5, 26), (2023, 5, 30, 9, 0)),
        ("spx_spxw_put_call_ratio", date(2023, 4, 6), (2023, 4, 10, 9, 0)),  # Good Friday lies between
        ("irx_13w_tbill_pct", date(2023, 3, 13), (2023, 3, 13, 18, 0)),
    ],
)
def test_each_series_is_known_by_its_own_rule(column: str, observed: date, printed: tuple[int, ...]) -> None:
    """The stamp is the publisher's day and hour in New York, holidays and summer time included."""
    assert PUBLISHED[column].rule.available_ns(observed) == _at(*printed)


def test_a_publisher_s_own_layout_reads_with_its_mark_of_absence(tmp_path: Path) -> None:
    """A dot is no value: it has no row and is counted; per cents become fractions."""
    (batch,) = read_series(_written(tmp_path, "observation_date,DFF\n2023-05-22,5.08\n2023-05-23,.\n2023-05-24,5.08\n"))
    assert (batch.series, batch.unit, batch.n_points, batch.n_missing) == ("DFF", SeriesUnit.FRACTION_PER_YEAR, 2, 1)
    assert batch.value.tolist() == pytest.approx([0.0508, 0.0508])


def test_an_exchange_s_history_is_named_by_its_file(tmp_path: Path) -> None:
    """Cboe writes month/day/year and four prices; the close is the value, known after the close."""
    path = _written(tmp_path, "DATE,OPEN,HIGH,LOW,CLOSE\n02/05/2018,18.44,38.8,16.8,37.32\n", "VIX_History.csv")
    (batch,) = read_series(path)
    assert (batch.series, batch.value.tolist()) == ("VIX", [37.32])
    assert batch.event_ns.tolist() == [_at(2018, 2, 5, 16, 15)]


def test_a_revision_replaces_the_first_print_only_once_it_was_printed(tmp_path: Path) -> None:
    """With vintages the first print stands until the second came out."""
    text = "realtime_start,date,dff\n2023-05-23,2023-05-22,5.08\n2023-06-01,2023-05-22,5.10\n"
    (batch,) = read_series(_written(tmp_path, text))
    assert batch.as_of(_at(2023, 5, 31, 23, 0)).value == pytest.approx(0.0508)
    assert batch.as_of(_at(2023, 6, 1, 16, 15)).value == pytest.approx(0.0510)
    assert batch.known_at(_at(2023, 6, 2, 0, 0)).n_points == 1


def test_nothing_known_is_a_reason_and_never_a_number(tmp_path: Path) -> None:
    """Before the first print, and beyond the age that is asked for, the value is missing."""
    (batch,) = read_series(_written(tmp_path, "date,dff\n2023-05-22,5.08\n"))
    before = batch.as_of(_at(2023, 5, 23, 16, 14))
    assert math.isnan(before.value)
    assert before.reason
    stale = batch.as_of(_at(2023, 6, 22, 0, 0), oldest_ns=5 * _DAY_NS)
    assert math.isnan(stale.value)
    assert "old" in stale.reason


def test_a_rule_of_one_s_own_moves_the_stamp(tmp_path: Path) -> None:
    """The lag is configuration: a slower source is known later."""
    rule = PublicationRule(event_at=time(16), lag_days=3, published_at=time(8), days=BusinessDays.EVERY, zone="UTC")
    terms = {"dff": SeriesTerms(series="DFF", unit=SeriesUnit.FRACTION_PER_YEAR, scale=0.01, rule=rule)}
    (batch,) = read_series(_written(tmp_path, "date,dff\n2023-05-22,5.08\n"), terms=terms)
    assert batch.available_ns.tolist() == [ns_of_datetime(datetime(2023, 5, 25, 8, tzinfo=UTC))]


@pytest.mark.parametrize(
    "text",
    [
        "date,dff\n2023-05-22,high\n",
        "date,dff\nyesterday,5.08\n",
        "date,dff\n2023-05-22,5.08\n2023-05-22,5.09\n",
        "date,mood\n2023-05-22,1\n",
        "when,dff\n2023-05-22,1\n",
        "",
    ],
)
def test_a_file_that_is_not_a_series_is_refused(tmp_path: Path, text: str) -> None:
    """Words for numbers, no date, two values of one day and unknown columns name the file."""
    with pytest.raises(DataError, match=r"fred\.csv"):
        read_series(_written(tmp_path, text))


def test_a_rule_that_prints_before_the_event_is_refused() -> None:
    """A value cannot be printed before what it speaks of has happened."""
    with pytest.raises(ConfigError, match="before its event"):
        PublicationRule(event_at=time(16, 15), lag_days=0, published_at=time(9), days=BusinessDays.NYSE)


@given(
    rows=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9), st.floats(-5, 5)), min_size=1, max_size=40),
    instant=st.integers(0, 60),
)
def test_removing_the_future_changes_no_past_reading(rows: list[tuple[int, int, float]], instant: int) -> None:
    """What is known at an instant depends on no row that was printed later."""
    ordered = sorted((day, day + lag, value) for day, lag, value in rows)
    whole, cut = _series(ordered), _series([row for row in ordered if row[1] <= instant])
    assert repr(whole.as_of(instant)) == repr(cut.as_of(instant))
    brute = [row for row in ordered if row[1] <= instant]
    if brute:
        assert whole.as_of(instant).value == brute[-1][2]
    known = whole.known_at(instant)
    assert dict(zip(known.event_ns.tolist(), known.value.tolist(), strict=True)) == {d: v for d, _, v in brute}


def _series(rows: list[tuple[int, int, float]]) -> SeriesBatch:
    return SeriesBatch(
        series="X",
        unit=SeriesUnit.RATIO,
        ts_event_ns=0,
        cause_id="x",
        provenance=Provenance(source="t", origin="t", simulated=False, as_of_source=AsOfSource.STAMPED),
        event_ns=np.array([row[0] for row in rows], dtype=np.int64),
        available_ns=np.array([row[1] for row in rows], dtype=np.int64),
        value=np.array([row[2] for row in rows], dtype=np.float64),
    )


def test_a_series_crosses_a_process_unchanged() -> None:
    """Pickling keeps each array and each word."""
    batch = _series([(0, 1, 0.5), (2, 2, 0.25)])
    again = pickle.loads(pickle.dumps(batch))  # noqa: S301  # our own bytes
    assert repr(again) == repr(batch)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "series", "n_points"),
    [
        ("rates/fred_dff.csv.gz", "DFF", 13_338),
        ("rates/irx_13week_tbill.csv.gz", "IRX", 6_682),
        ("rates/fed_primary_credit_rate.csv", "PRIMARY_CREDIT", 56),
        ("rates/stablecoin_borrow_rates.csv", "BORROW:bybit:USDT", 64),
        ("daily/cboe_put_call_ratios.csv.gz", "PUT_CALL_SPX_SPXW", 1_705),
        ("daily/cboe_vol_indices.parquet", "VIX", 9_234),
        ("daily/cboe_vol_indices.parquet", "VVIX", 5_066),
    ],
)
def test_real_histories_read_whole(data_root: Path, name: str, series: str, n_points: int) -> None:
    """Every row of the published histories has a value, a unit and a stamp at or after its day."""
    (batch,) = [batch for batch in read_series(data_root / name) if batch.series == series]
    assert (batch.n_points, batch.n_missing) == (n_points, 0)
    assert (batch.available_ns - batch.event_ns).max() <= 8 * _DAY_NS


@pytest.mark.data
def test_the_highest_close_of_vix_is_seen_after_that_close_only(data_root: Path) -> None:
    """On 2020-03-16 the index closed at 82.69: known at 16:30, not at 16:29."""
    (vix,) = [batch for batch in read_series(data_root / "daily/cboe_vol_indices.parquet") if batch.series == "VIX"]
    assert vix.as_of(_at(2020, 3, 16, 16, 30)).value == 82.69
    assert vix.as_of(_at(2020, 3, 16, 16, 29)).value == 57.83
