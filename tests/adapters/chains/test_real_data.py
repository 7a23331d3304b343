"""The real chain files: counts, sessions, spots and truths that other sources confirm."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adapters.chains import open_chains, open_source
from adapters.listing import list_chain_files
from adapters.replay import ReplayFactory
from market.chains import DropReason, OptionChain
from market.clock import datetime_of_ns
from market.errors import DataError
from tests.adapters.chains.samples import only

pytestmark = pytest.mark.data

# file: format, symbols, snapshots, first and last session, contracts
_FILES = {
    "option_chains/cboe_spx_snapshots.parquet": ("cboe-snapshot-table", "SPX", 24, "2022-02-04", "2025-08-29", 488_496),
    "option_chains/cboe_spy_snapshots.parquet": ("cboe-snapshot-table", "SPY", 12, "2022-07-08", "2025-08-26", 99_844),
    "option_chains/cboe_qqq_snapshots.parquet": ("cboe-snapshot-table", "QQQ", 10, "2023-04-14", "2023-06-12", 69_874),
    "option_chains/cboe_ndx_snapshots.parquet": ("cboe-snapshot-table", "NDX", 6, "2022-02-04", "2023-05-26", 121_894),
    "option_chains/cboe_misc_snapshots.parquet": ("cboe-snapshot-table", "VIX", 1, "2023-05-15", "2023-05-15", 1_314),
    "option_chains/spy_cboe_json_20220712.parquet": (
        "cboe-delayed-quotes-table",
        "SPY",
        1,
        "2022-07-12",
        "2022-07-12",
        9_208,
    ),
    "option_chains/spy_optionsdx_eod_20221230.parquet": ("optionsdx", "SPY", 1, "2022-12-30", "2022-12-30", 7_486),
    "option_chains/spy_eod_20150105.parquet": ("equity-eod", "SPY", 1, "2015-01-05", "2015-01-05", 4_922),
    "option_chains/spy_yahoo_eod_202608.parquet": ("yahoo", "SPY", 5, "2026-08-12", "2026-08-19", 27_591),
    "option_chains/nvda_yahoo_daily_202511_12.parquet": ("yahoo", "NVDA", 8, "2025-11-25", "2025-12-05", 38_894),
    "option_chains/spx_ivolatility_eod_2011w01.parquet": ("ivolatility", "SPX", 5, "2011-01-03", "2011-01-07", 9_832),
    "option_chains/aapl_lean_chain_daily.parquet": ("lean-universe-mid", "AAPL", 4, "2014-06-02", "2014-06-05", 8_760),
    "option_chains/goog_lean_chain_daily.parquet": ("lean-universe-mid", "GOOG", 3, "2015-12-22", "2015-12-24", 4_192),
    "option_chains/spx_0dte_midpoints.parquet": ("0dte-midpoints", "SPX", 3_132, "2023-11-06", "2025-03-31", 106_488),
    "crypto_options/btc_eth_deribit_daily.parquet": ("deribit", "BTC ETH", 74, "2026-07-04", "2026-08-09", 58_022),
    "crypto_options/btc_eth_okx_daily.parquet": ("okx", "BTC ETH", 74, "2026-07-04", "2026-08-09", 50_540),
    "crypto_options/btc_deribit_hourly_202601.parquet": (
        "deribit-greeks",
        "BTC",
        37,
        "2026-01-23",
        "2026-01-24",
        24_562,
    ),
    "raw_formats/cboe_spx_quotedata_20230523_en.csv.gz": (
        "cboe-quote-table",
        "SPX",
        1,
        "2023-05-23",
        "2023-05-23",
        17_340,
    ),
    "raw_formats/cboe_spx_quotedata_20250828_pt.csv.gz": (
        "cboe-quote-table",
        "SPX",
        1,
        "2025-08-28",
        "2025-08-28",
        24_050,
    ),
    "raw_formats/cboe_spy_delayed_quotes_20220712.json.gz": (
        "cboe-delayed-quotes",
        "SPY",
        1,
        "2022-07-12",
        "2022-07-12",
        9_208,
    ),
    "raw_formats/lean_goog_20151224_openinterest_american.zip": (
        "lean-minute",
        "GOOG",
        1,
        "2015-12-24",
        "2015-12-24",
        2_063,
    ),
    "raw_formats/lean_goog_20151224_trade_american.zip": (
        "lean-minute",
        "GOOG",
        1,
        "2015-12-24",
        "2015-12-24",
        2_063,
    ),
    "raw_formats/optionsdx_spy_20221230.csv.gz": ("optionsdx", "SPY", 1, "2022-12-30", "2022-12-30", 7_486),
}


@pytest.mark.parametrize("name", _FILES)
def test_file_holds_what_the_catalogue_says(data_root: Path, name: str) -> None:
    """Format, symbols, snapshots, sessions and contracts, by the listing and by the chains themselves."""
    form, symbols, n_snapshots, first, last, n_contracts = _FILES[name]
    (summary,) = list_chain_files(data_root / name)
    assert (summary.problem, summary.format, " ".join(summary.symbols)) == ("", form, symbols)
    assert (summary.n_snapshots, summary.n_contracts) == (n_snapshots, n_contracts)
    assert (str(summary.first_session), str(summary.last_session)) == (first, last)
    source = open_source(data_root / name)
    some = [source.read(i) for i in sorted({0, n_snapshots // 2, n_snapshots - 1})]
    for chain in some:
        assert not chain.provenance.simulated
        assert set(chain.dropped) <= {DropReason.NON_STANDARD}
        assert (np.diff(chain.expiry_ns) >= 0).all()


def _open_interest(chain: OptionChain) -> int:
    return int(np.nansum(chain.open_interest))


def test_open_interest_equals_the_independent_daily_totals(data_root: Path) -> None:
    """13 of the 16 sessions that the totals cover, exactly; all 24 equal the catalogue's own count.

    The three others are taken after the roll (two) or on a monthly expiration; the totals end in 2024.
    """
    table = pd.read_csv(data_root / "option_chains/spx_chain_daily_aggregates.csv.gz")
    totals = dict(zip(table["date"], table["total_open_interest"].astype(int), strict=True))
    index = pd.read_csv(data_root / "option_chains/cboe_snapshot_index.csv")
    counted = index[index["underlying"] == "SPX"].set_index("session_date")["total_oi"].astype(int).to_dict()
    found = {
        chain.session.isoformat(): _open_interest(chain)
        for chain in open_chains(data_root / "option_chains/cboe_spx_snapshots.parquet")
    }
    assert found == counted
    independent = {day: total for day, total in totals.items() if day in found}
    assert len(independent) == 16
    differing = {day for day, total in independent.items() if found[day] != total}
    assert differing == {"2022-02-04", "2023-05-05", "2023-05-19"}
    assert (found["2023-04-05"], found["2025-08-28"]) == (16_825_064, 20_898_581)


@pytest.mark.parametrize(
    ("name", "spot", "taken"),
    [
        ("cboe_spx_quotedata_20230523_en.csv.gz", 4145.5801, datetime(2023, 5, 23, 23, 39, tzinfo=UTC)),
        ("cboe_spx_quotedata_20250828_pt.csv.gz", 6501.8599, datetime(2025, 8, 28, 20, 25, tzinfo=UTC)),
        ("cboe_spy_delayed_quotes_20220712.json.gz", 380.88, datetime(2022, 7, 12, 22, 57, 33, tzinfo=UTC)),
        ("optionsdx_spy_20221230.csv.gz", 382.44, datetime(2022, 12, 30, 21, 0, tzinfo=UTC)),
    ],
)
def test_raw_files_print_spot_and_instant(data_root: Path, name: str, spot: float, taken: datetime) -> None:
    """The spot is the printed one, the instant is that of the preamble or document."""
    chain = only(data_root / "raw_formats" / name)
    assert chain.spot_last == spot
    assert datetime_of_ns(chain.ts_event_ns) == taken


@pytest.mark.parametrize(
    ("raw", "table", "session"),
    [
        ("cboe_spx_quotedata_20230523_en.csv.gz", "cboe_spx_snapshots.parquet", date(2023, 5, 23)),
        ("cboe_spx_quotedata_20250828_pt.csv.gz", "cboe_spx_snapshots.parquet", date(2025, 8, 28)),
        ("cboe_spy_delayed_quotes_20220712.json.gz", "spy_cboe_json_20220712.parquet", date(2022, 7, 12)),
        ("optionsdx_spy_20221230.csv.gz", "spy_optionsdx_eod_20221230.parquet", date(2022, 12, 30)),
    ],
)
def test_raw_file_and_parquet_agree_contract_by_contract(data_root: Path, raw: str, table: str, session: date) -> None:
    """Two readers of one session see the same strikes, quotes, volatilities and open interest."""
    source = open_source(data_root / "option_chains" / table)
    place = next(i for i, key in enumerate(source.snapshots) if key.session == session)
    left, right = _sorted(only(data_root / "raw_formats" / raw)), _sorted(source.read(place))
    for name, column in left.items():
        np.testing.assert_allclose(column, right[name], rtol=1e-9, atol=1e-9, err_msg=name)


def _sorted(chain: OptionChain) -> dict[str, np.ndarray]:
    order = np.lexsort((chain.is_call, chain.strike, chain.series_index))
    names = ("series_index", "strike", "bid", "ask", "last", "vendor_iv", "vendor_delta", "open_interest", "volume")
    return {name: getattr(chain, name)[order].astype(np.float64) for name in names}


@pytest.mark.parametrize(
    "name", [name for name in _FILES if name.endswith(".parquet") and "cboe_s" not in name and "ndx" not in name]
)
def test_a_layout_reads_alike_from_text_and_from_parquet(data_root: Path, tmp_path: Path, name: str) -> None:
    """Vendors deliver CSV; the first rows written as text give the same chains."""
    rows = pd.read_parquet(data_root / name).head(2_000)
    stem = Path(name).stem
    rows.to_csv(tmp_path / f"{stem}.csv", index=False)
    rows.to_parquet(tmp_path / f"{stem}.parquet")
    pairs = zip(open_chains(tmp_path / f"{stem}.csv"), open_chains(tmp_path / f"{stem}.parquet"), strict=True)
    for text, table in pairs:
        assert (text.ts_event_ns, text.session, text.series) == (table.ts_event_ns, table.session, table.series)
        assert dict(text.dropped) == dict(table.dropped)
        for column in ("strike", "bid", "ask", "vendor_iv", "open_interest"):
            np.testing.assert_allclose(getattr(text, column), getattr(table, column), rtol=1e-12)


def test_lean_archives_hold_the_publisher_s_open_interest_and_volume(data_root: Path) -> None:
    """The sums are those of the same archives as a table, and nobody quotes."""
    chain = only(data_root / "raw_formats/lean_goog_20151224_openinterest_american.zip")
    interest = pd.read_parquet(data_root / "option_intraday/goog_minute_openinterest_20151224.parquet")
    trades = pd.read_parquet(data_root / "option_intraday/goog_minute_trade_20151224.parquet")
    assert np.nansum(chain.open_interest) == interest["open_interest"].sum() == 179_502
    assert np.isnan(chain.open_interest).sum() == chain.n_contracts - len(interest) == 5
    assert chain.volume.sum() == trades["volume"].sum()
    assert np.isnan([chain.bid, chain.ask]).all()


def test_yahoo_instants_lie_between_the_session_and_its_collection(data_root: Path) -> None:
    """Quotes are delayed by a quarter of an hour, so the newest trade is that much older than the collection."""
    meta = pd.read_csv(data_root / "option_chains/spy_yahoo_eod_202608_meta.csv")
    chains = open_chains(data_root / "option_chains/spy_yahoo_eod_202608.parquet")
    for row, chain in zip(meta.itertuples(), chains, strict=True):
        collected = datetime.fromisoformat(str(row.collected_utc))
        assert (chain.session.isoformat(), chain.n_read, chain.spot_last) == (row.session, row.contracts, row.spot)
        assert 0.0 < (collected - datetime_of_ns(chain.ts_event_ns)).total_seconds() < 30 * 60


def test_okx_greeks_obey_parity_after_conversion(data_root: Path) -> None:
    """A call's delta less the put's is the discount factor, and both gammas are one."""
    source = open_source(data_root / "crypto_options/btc_eth_okx_daily.parquet")
    chain = source.read(len(source.snapshots) - 1)
    order = np.lexsort((chain.is_call, chain.strike, chain.series_index))
    put, call = order[0::2], order[1::2]
    assert np.array_equal(chain.strike[put], chain.strike[call])
    difference = chain.vendor_delta[call] - chain.vendor_delta[put]
    assert np.abs(difference - 1.0).max() < 0.005
    np.testing.assert_allclose(chain.vendor_gamma[call], chain.vendor_gamma[put], atol=1e-12)


def test_deribit_forwards_rise_with_expiry_and_expire_at_eight(data_root: Path) -> None:
    """The venue's underlying price is a forward per expiration."""
    chain = open_source(data_root / "crypto_options/btc_eth_deribit_daily.parquet").read(0)
    assert np.isfinite(chain.vendor_forward).all()
    assert chain.vendor_forward[-1] > chain.vendor_forward[0]
    assert {datetime_of_ns(int(instant)).hour for instant in chain.expiry_ns} == {8}


def test_morning_and_afternoon_series_of_one_date_stay_apart(data_root: Path) -> None:
    """On 2023-06-16 SPX settles at the open and SPXW at the close."""
    chain = only(data_root / "raw_formats/cboe_spx_quotedata_20230523_en.csv.gz")
    june = {s.product.root: datetime_of_ns(s.expiry_ns).hour for s in chain.series if s.expiration == date(2023, 6, 16)}
    assert june == {"SPX": 13, "SPXW": 20}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("raw_formats/binance_spot_btcusdt_20240808.jsonl.gz", "Binance"),
        ("raw_formats/lobster_amzn_20120621_level1.zip", "LOBSTER"),
        ("option_chains/spx_0dte_gamma_by_strike_15min.parquet", "dealer gamma by strike"),
        ("crypto_options/btc_deribit_option_trades_202002.csv.gz", "option trades"),
        ("option_chains/spx_chain_daily_aggregates.csv.gz", "daily totals"),
        ("option_intraday/goog_minute_quote_20151224.parquet", "quote bars"),
    ],
)
def test_what_is_no_chain_is_called_by_its_name(data_root: Path, name: str, words: str) -> None:
    """Other market data is refused with the reason."""
    with pytest.raises(DataError, match=words):
        open_source(data_root / name)


def test_all_files_of_the_folder_can_be_listed(data_root: Path) -> None:
    """Each file is a chain or has a reason; a folder of mixed data never stops the listing."""
    summaries = list(list_chain_files(data_root))
    assert len(summaries) > 70
    assert {str(s.path.relative_to(data_root)) for s in summaries if not s.problem} == set(_FILES)
    assert all(s.problem or s.n_contracts for s in summaries)


def test_four_cboe_files_replay_as_one_stream(data_root: Path) -> None:
    """Sessions that several symbols share come as one batch; every snapshot comes once."""
    names = ("spx", "spy", "qqq", "ndx")
    paths = tuple(data_root / f"option_chains/cboe_{name}_snapshots.parquet" for name in names)
    feed = ReplayFactory(paths=paths, interval_s=0.0)()
    assert feed.symbols == ("NDX", "QQQ", "SPX", "SPY")
    seen, last = 0, 0
    while (batch := feed.next_batch()) is not None:
        assert len({chain.session for chain in batch.chains}) == 1
        assert batch.ts_event_ns > last
        last = batch.ts_event_ns
        seen += len(batch.chains)
    assert seen == 24 + 12 + 10 + 6
