"""The command with trades and quotes, on recorded sessions."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cluster.cli import main
from cluster.settings import load_settings
from cluster.tick_listing import list_ticks
from cluster.wiring import wire
from fields.config import PositionSource
from market.errors import ConfigError, DataError

Command = Callable[..., tuple[int, str, str]]

_CBOE = Path("raw_formats") / "cboe_spx_quotedata_20230523_en.csv.gz"


def _goog(root: Path, *, raw: bool = False) -> list[str]:
    """Return the options that name the GOOG session of 2015-12-24."""
    bars, archive = root / "option_intraday", root / "raw_formats" / "lean_goog_20151224_trade_american.zip"
    trades = [archive] if raw else [bars / f"goog_minute_{kind}_20151224.parquet" for kind in ("trade", "openinterest")]
    files = [bars / "goog_minute_quote_20151224.parquet", *trades, bars / "underlying_minute_trade.parquet"]
    return [word for file in files for word in ("--ticks", str(file))]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Return the command without a process of its own: exit code, standard output, standard error."""
    monkeypatch.setenv("HEDGEFIELD_HOME", str(tmp_path))

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["hedgefield", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        found = capsys.readouterr()
        return int(ended.value.code or 0), found.out, found.err

    return run


def _found(command: Command, *arguments: str) -> list[dict[str, Any]]:
    code, told, complaint = command("fields", *arguments)
    assert code == 0, complaint
    return [json.loads(line) | {"timings_ms": None} for line in told.splitlines()]


def _without_names(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name not in {"origin", "cause_id", "source", "live"}}


@pytest.mark.data
def test_a_session_of_trades_moves_the_dealers_book(command: Command, data_root: Path) -> None:
    """GOOG on 2015-12-24: 958 option trades, most signed; the half day ends at 18:00 UTC."""
    (found,) = _found(command, *_goog(data_root), "--json", "--regular-hours")
    live = found["live"]
    assert (found["symbol"], found["position_source"], found["as_of"]) == ("GOOG", "hybrid", "2015-12-24T18:00:00Z")
    assert live["dealer"]["trades"] == 958
    assert live["dealer"]["signed"] > 600
    assert live["dealer"]["gross_flow_contracts"] > 0.0
    assert found["totals_error"]["gamma_usd_per_pct"] > 0.0
    assert len(live["regimes"]) == 6
    assert {signal["kind"] for signal in live["signals"]} == {"mean_reversion", "momentum", "gamma_flip", "vanna"}
    assert all(not math.isnan(found["zero_gamma_spread"][end]) for end in ("low", "high"))


@pytest.mark.slow
@pytest.mark.data
def test_archives_and_tables_of_one_session_give_one_field(command: Command, data_root: Path) -> None:
    """The publisher's zip files and their unpacked rows are the same trades."""
    until = ("--until", "2015-12-24T15:30:00Z", "--json")
    (tables,) = _found(command, *_goog(data_root), *until)
    (archives,) = _found(command, *_goog(data_root, raw=True), *until)
    assert _without_names(tables) == _without_names(archives)
    assert tables["live"]["dealer"] == archives["live"]["dealer"]


@pytest.mark.slow
@pytest.mark.data
def test_lines_of_an_interval_do_not_know_what_follows(command: Command, data_root: Path) -> None:
    """The line of 15:00 is that of a replay which stops at 15:00, and zones may be named otherwise."""
    lines = _found(command, *_goog(data_root), "--every", "30", "--until", "2015-12-24T15:45:00Z")
    (stopped,) = _found(command, *_goog(data_root), "--until", "2015-12-24T10:00:00-05:00", "--json")
    assert [line["as_of"][11:16] for line in lines][-3:] == ["15:00", "15:30", "15:45"]
    assert stopped in lines


@pytest.mark.data
def test_the_full_description_holds_ladder_curves_and_slices(command: Command, data_root: Path) -> None:
    """`--full` is JSON with every array."""
    code, told, _ = command("fields", str(data_root / _CBOE), "--full")
    found = json.loads(told)
    assert code == 0
    assert len(found["hedge_flow"]["buy_for_spot_move_usd"]) == len(found["ladder"]["price"])
    assert len(found["slices"]["rmse_vol"]) == found["surface"]["expirations"]
    assert found["live"]["confidence"] > 0.5


@pytest.mark.data
def test_the_table_tells_the_new_readings(command: Command, data_root: Path) -> None:
    """Errors, hedge flow, surface, regimes, signals and the book, in words; nothing is folded in a pipe."""
    code, told, _ = command("fields", *_goog(data_root), "--until", "2015-12-24T14:40:00Z")
    assert code == 0
    for words in ("if volatility rises one point", "to the close", "zero delta", "inside bid and ask", "confidence"):
        assert words in told
    for words in ("regime feedback", "signal momentum", "dealers' book", "own impact", "option quotes", "±"):
        assert words in told


@pytest.mark.data
@pytest.mark.parametrize(
    ("chain", "ticks", "message"),
    [
        (_CBOE, "microstructure/lobster_aapl_20120621_level1.parquet", "different underlyings"),
        (
            Path("option_chains") / "cboe_spy_snapshots.parquet",
            "option_intraday/spy_polygon_option_minute_20250829.parquet",
            "different sessions",
        ),
        (None, "microstructure/lobster_aapl_20120621_level1.parquet", "no option chain of AAPL"),
        (None, "option_intraday/goog_minute_openinterest_20151224.parquet", "no trades and no quotes"),
        (None, "README.md", "not trades or quotes of a known format"),
        (None, "nowhere.parquet", "no such file"),
        (
            Path("option_chains") / "goog_lean_chain_daily.parquet",
            "option_intraday/goog_minute_trade_20151224.parquet",
            "that of the close",
        ),
    ],
)
def test_ticks_that_fit_no_chain_are_exit_code_1(
    command: Command, data_root: Path, chain: Path | None, ticks: str, message: str
) -> None:
    """Each says what was found and what to name instead."""
    files = [] if chain is None else [str(data_root / chain)]
    code, told, complaint = command("fields", *files, "--ticks", str(data_root / ticks))
    assert (code, told) == (1, "")
    assert message in complaint


@pytest.mark.parametrize(
    "arguments",
    [
        ["x.csv", "--until", "2015-12-24T15:30:00Z"],
        ["x.csv", "--every", "5"],
        ["x.csv", "--regular-hours"],
        ["--ticks", "x", "--until", "2015-12-24T15:30:00"],
        ["--ticks", "x", "--until", "noon"],
        ["--ticks", "x", "--every", "0"],
        ["--ticks", "x", "--every", "5", "--plot", "x.png"],
        ["x.csv", "--positions", "flow"],
        ["x.csv", "--vix", "-1"],
        ["x.csv", "--vix9d", "0"],
        ["x.csv", "--adx", "101"],
        ["x.csv", "--sma", "nan"],
    ],
)
def test_options_that_do_not_go_together_are_exit_code_2(command: Command, arguments: list[str]) -> None:
    """Before anything is read."""
    code, told, complaint = command("fields", *arguments)
    assert (code, told) == (2, "")
    assert complaint


@pytest.mark.data
def test_what_is_known_of_other_markets_names_the_regime(command: Command, data_root: Path) -> None:
    """VIX, ADX and the average tell the market's regime, VIX9D the term structure; without them both are missing."""
    path = str(data_root / _CBOE)
    code, told, _ = command("fields", path, "--json", "--vix", "18", "--vix9d", "17", "--adx", "0", "--sma", "3950")
    states = {axis["axis"]: axis["state"] for axis in json.loads(told)["live"]["regimes"]}
    assert (code, states["market"], states["term_structure"]) == (0, "LOW_VOL_RANGE", "CONTANGO")
    _, told, _ = command("fields", path)
    assert "regime market: missing: vix, adx, sma" in told
    assert "to the close (closed)" in told


@pytest.mark.data
def test_files_of_inputs_name_the_regime_as_of_the_chain(command: Command, data_root: Path) -> None:
    """Closes of the day itself, because the chain is of half past four; trend and average from the bars by then."""
    paths = ("daily/cboe_vol_indices.parquet", "daily/spx_spy_qqq_daily.parquet", "rates/fred_dff.csv.gz")
    inputs = [word for path in paths for word in ("--inputs", str(data_root / path))]
    code, told, _ = command("fields", str(data_root / _CBOE), "--json", "--full", *inputs)
    live = json.loads(told)["live"]
    values = live["market"]["values"]
    assert code == 0
    assert (values["vix"], values["vix9d"], values["rate"]) == (18.53, 17.37, pytest.approx(0.0508))
    assert values["sma"] == pytest.approx(3_976.0, abs=1.0)
    states = {axis["axis"]: axis["state"] for axis in live["regimes"]}
    assert (states["market"], states["term_structure"]) == ("LOW_VOL_RANGE", "CONTANGO")


@pytest.mark.data
def test_a_replay_sorts_chains_from_ticks(data_root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`--path` takes both; with ticks the dealers' book follows trades; garbage is named."""
    monkeypatch.setenv("HEDGEFIELD_HOME", str(tmp_path))
    ticks = data_root / "option_intraday" / "goog_minute_trade_20151224.parquet"
    chain = data_root / "option_chains" / "goog_lean_chain_daily.parquet"
    wiring = wire(load_settings({"feed": {"kind": "replay", "paths": (ticks, chain)}}))
    gate: Any = wiring.factory
    factory = gate.factory.factory  # behind the gate and the context
    assert (factory.paths, factory.ticks) == ((chain,), (ticks,))
    assert wiring.live.fields.position_source is PositionSource.HYBRID
    garbage = tmp_path / "garbage.csv"
    garbage.write_text("a;b\n1;2\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"garbage\.csv"):
        wire(load_settings({"feed": {"kind": "replay", "paths": (chain, garbage)}}))
    with pytest.raises(ConfigError, match="missing"):
        wire(load_settings({"feed": {"kind": "replay", "ticks": (tmp_path / "no.parquet",)}}))


@pytest.mark.data
def test_ticks_are_listed_with_symbol_span_and_rows(command: Command, data_root: Path) -> None:
    """As read, with what cannot be used by reason; a file of chains has none."""
    folder = data_root / "option_intraday"
    (trades,) = list_ticks(folder / "goog_minute_trade_20151224.parquet")
    assert (trades.symbol, trades.kind, trades.n_trades, trades.n_quotes) == ("GOOG", "trades", 958, 0)
    assert str(trades.first_session) == str(trades.last_session) == "2015-12-24"
    assert {item.symbol for item in list_ticks(folder / "underlying_minute_quote.parquet")} == {"AAPL", "GOOG"}
    assert list_ticks(data_root / _CBOE) == ()
    (interest,) = list_ticks(folder / "goog_minute_openinterest_20151224.parquet")
    assert (interest.symbol, interest.kind, interest.n_interest) == ("GOOG", "open interest", 2_058)
    code, told, _ = command("data", "ls", str(folder / "goog_minute_trade_20151224.parquet"))
    assert code == 0
    assert "option-trade-bars" in told
