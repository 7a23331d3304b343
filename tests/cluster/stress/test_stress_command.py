"""`hedgefield stress` on a recorded session of the SPX: figures, refusals, exit codes, pictures."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cluster.cli import main

Command = Callable[..., tuple[int, str, str]]
_CONDOR = (
    ("SPXW250919P06200000", -2, "c1"),
    ("SPXW250919P06150000", 2, "c1"),
    ("SPXW250919C06700000", -2, "c1"),
    ("SPXW250919C06750000", 2, "c1"),
    ("SPXW250930P05800000", 3, "p1"),
)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Return the command without a process of its own: exit code, standard output, standard error."""
    monkeypatch.setenv("HEDGEFIELD_HOME", str(tmp_path))

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["hedgefield", "stress", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        found = capsys.readouterr()
        return int(ended.value.code or 0), found.out, found.err

    return run


@pytest.fixture
def chain(data_root: Path) -> str:
    """Return the file of sessions whose newest is 29 August 2025."""
    return str(data_root / "option_chains" / "cboe_spx_snapshots.parquet")


def _book(folder: Path, rows: tuple[tuple[str, int, str], ...] = _CONDOR) -> str:
    path = folder / "book.csv"
    lines = [f"{name},{quantity},sold,{package}" for name, quantity, package in rows]
    path.write_text("\n".join(["instrument,quantity,strategy,package", *lines]) + "\n", encoding="utf-8")
    return str(path)


@pytest.mark.data
def test_a_condor_with_crash_puts_is_told_worst_first(command: Command, chain: str, tmp_path: Path) -> None:
    """One object: scenarios in order, parts that add up, margin of the spread, a worst loss beyond all of them."""
    code, told, _ = command(_book(tmp_path), "--chain", chain, "--vix", "15.4", "--json")
    found = json.loads(told)
    pnl = [each["pnl"] for each in found["scenarios"]]
    assert code == 0
    assert found["as_of"] == "2025-08-29T20:15:00Z"
    assert pnl == sorted(pnl)
    assert found["margin"] == 10_000.0
    assert all(sum(each["by_package"].values()) == pytest.approx(each["pnl"]) for each in found["scenarios"])
    assert min(pnl) >= -found["max_loss"]
    grid = np.array(found["grid"]["pnl"])
    assert abs(grid[1, 5]) < 1e-6
    assert grid.min() >= -found["max_loss"]
    puts = {each["name"]: each["by_package"]["p1"] for each in found["scenarios"]}
    assert puts["flash_crash"] > puts["flash_crash_vol_unchanged"] > puts["gap_down"] > 0.0


@pytest.mark.data
def test_past_days_give_the_tail_and_the_index_of_that_evening(
    command: Command, chain: str, data_root: Path, tmp_path: Path
) -> None:
    """The VIX is the last that was known by then, and its days carry the volatility of the book."""
    daily = data_root / "daily"
    history = [
        "--history",
        str(daily / "spx_spy_qqq_daily.parquet"),
        "--history",
        str(daily / "cboe_vol_indices.parquet"),
    ]
    code, told, _ = command(_book(tmp_path), "--chain", chain, *history, "--json")
    found = json.loads(told)
    tail = found["value_at_risk"]
    assert code == 0
    assert (found["volatility_index"], found["volatility_source"]) == (14.43, "VIX")
    assert tail["n_days"] == 1000
    assert 0.0 < tail["var_low"] <= tail["value_at_risk"] <= tail["var_high"] <= tail["expected_shortfall"] * 1.5
    assert tail["expected_shortfall"] <= tail["worst_loss"] <= found["max_loss"]


@pytest.mark.data
def test_several_underlyings_need_a_benchmark_and_prices_of_that_day(
    command: Command, chain: str, data_root: Path, tmp_path: Path
) -> None:
    """Shares are marked at the close that was known by the chain, never a later one; without betas no move is told."""
    book = _book(tmp_path, (*_CONDOR, ("SPY", 100, "shares")))
    daily = data_root / "daily"
    history = [f"--history={daily / name}" for name in ("spx_spy_qqq_daily.parquet", "cboe_vol_indices.parquet")]
    code, told, _ = command(book, "--chain", chain, *history, "--json")
    found = json.loads(told)
    crash = next(each for each in found["scenarios"] if each["name"] == "flash_crash")
    assert code == 1
    assert found["spot"]["SPY"] == 644.99  # that evening; the file goes on to 689.04
    assert (crash["pnl"], crash["reason"]) == (None, "no beta of SPX, SPY")
    assert found["notes"][0].startswith("no beta of SPX, SPY: give --benchmark")
    code, told, _ = command(book, "--chain", chain, *history, "--benchmark", "SPX", "--json")
    found = json.loads(told)
    assert code == 0
    assert found["beta"]["SPX"] == 1.0
    assert found["greeks_by_strategy"].keys() == {"sold"}
    parts = found["greeks_by_underlying"]
    assert parts["SPY"]["delta_shares"] == 100.0
    assert parts["SPX"]["delta_usd"] + parts["SPY"]["delta_usd"] == pytest.approx(found["greeks"]["delta_usd"])
    assert found["beta"]["SPY"] == pytest.approx(1.0, abs=0.05)


@pytest.mark.data
def test_a_mark_in_the_book_stands_before_the_quotes(command: Command, chain: str, tmp_path: Path) -> None:
    """Who knows better what a leg is worth says so, and the volatility follows from it."""
    path = tmp_path / "book.toml"
    row = '[[position]]\ninstrument = "SPXW250919P06200000"\nquantity = -1\n'
    path.write_text(row + "mark = 20.5\n", encoding="utf-8")
    code, told, _ = command(str(path), "--chain", chain, "--vix", "15", "--json")
    found = json.loads(told)
    assert code == 0
    assert found["positions"][0]["mark"] == 20.5
    assert found["worth"] == -2050.0


@pytest.mark.data
def test_tables_and_pictures_are_written(command: Command, chain: str, tmp_path: Path) -> None:
    """Every scenario, the map and the missing history stand in the text; both pictures have content."""
    code, told, noted = command(_book(tmp_path), "--chain", chain, "--plot", str(tmp_path / "map.png"))
    assert code == 0
    for words in ("flash_crash", "vix_to_50", "gap_down", "vol_crush", "name daily prices with --history"):
        assert words in told
    assert "at the money of SPX, VIX is not known" in told
    assert "wrote" in noted
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
    command(_book(tmp_path), "--chain", chain, "--plot", str(tmp_path / "map.html"), "--json")
    assert "heatmap" in (tmp_path / "map.html").read_text(encoding="utf-8")


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("SPXW250919P06201000", "strikes such as 6195, 6200, 6205"),
        ("SPXW250920P06200000", "an expiration such as"),
        ("SPXW250801P06200000", "has ended"),
        ("SPY250919P00600000", "a chain of SPY"),
        ("SPX", "names nothing that can be held"),
        ("SPXW2509", "names nothing that can be held"),
    ],
)
def test_a_contract_that_is_not_there_says_what_is(
    command: Command, chain: str, tmp_path: Path, name: str, words: str
) -> None:
    """Unlisted, ended, of another underlying, or no contract at all: exit code 1, the row and what to do."""
    code, told, noted = command(_book(tmp_path, ((name, 1, "x"),)), "--chain", chain)
    assert (code, told) == (1, "")
    assert words in noted.replace("\n", " ")


@pytest.mark.data
def test_own_scenarios_join_the_standard_ones(command: Command, chain: str, tmp_path: Path) -> None:
    """A table of TOML is a scenario, and changes the numbers of the standard ones."""
    own = tmp_path / "own.toml"
    own.write_text(
        "[standard]\nvolatility_target = 60\n[scenario.spring]\nbenchmark_return = -0.06\nvol_points = 0.1\n",
        encoding="utf-8",
    )
    code, told, _ = command(_book(tmp_path), "--chain", chain, "--scenarios", str(own), "--json")
    names = {each["name"] for each in json.loads(told)["scenarios"]}
    assert code == 0
    assert {"spring", "vix_to_60"} <= names
    own.write_text("[scenario.spring]\nbenchmark = -0.06\n", encoding="utf-8")
    code, _, noted = command(_book(tmp_path), "--chain", chain, "--scenarios", str(own))
    assert code == 2
    assert "unknown keys" in noted


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[scenario]\nbenchmark_return = -0.1\n", "a scenario is a table"),
        ("[scenario.a]\nbenchmark_return = -2\n", "a return cannot be"),
        ('[scenario.a]\nbenchmark_return = "-10 %"\n', "is no number"),
        ("[standard]\ncrash_return = 0.3\n", "crash_return cannot be"),
        (
            "[standard]\ncrash_retrun = -0.3\n",
            "[standard] cannot be; found crash_retrun = -0.3; expected numbers of crash_",
        ),
        ("[scenario.gap_down]\nbenchmark_return = 0.5\n", "a standard scenario has this name"),
    ],
)
def test_scenarios_that_cannot_be_are_bad_usage(command: Command, tmp_path: Path, text: str, words: str) -> None:
    """Each is told with what was found, before any chain is read."""
    own, book = tmp_path / "own.toml", tmp_path / "book.csv"
    own.write_text(text, encoding="utf-8")
    book.write_text("instrument,quantity\nSPY,10\n", encoding="utf-8")
    code, _, noted = command(str(book), "--scenarios", str(own))
    assert code == 2
    assert words in noted.replace("\n", " ")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("book.csv", "contract,n\nSPY,1\n", "other columns"),
        ("book.csv", "instrument,quantity\n", "holds no position"),
        ("book.csv", "instrument,quantity\nSPY,many\n", "no quantity"),
        ("book.json", '[{"instrument": "SPY", "quantity": 1, "qty": 2}]', "unknown qty"),
        ("book.json", "{", "cannot be read"),
        ("book.toml", "position = 3\n", "another form"),
        ("book.txt", "", "none of the known files"),
        ("book.csv", "instrument,quantity\nSPY,10\n", "nothing tells what the book is worth"),
    ],
)
def test_a_book_that_cannot_be_read_is_refused(
    command: Command, tmp_path: Path, name: str, text: str, words: str
) -> None:
    """Each fault names the file, what was found and what a book looks like."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    code, _, noted = command(str(path))
    assert code == 1
    assert words in noted


@pytest.mark.parametrize("arguments", [("--vix", "-1"), ("--plot", "x.pdf"), ("--session", "now"), ("--beta", "QQQ")])
def test_bad_usage_is_exit_code_2(command: Command, tmp_path: Path, arguments: tuple[str, str]) -> None:
    """Options that cannot be are told before a file is read."""
    assert command(str(tmp_path / "absent.csv"), *arguments)[0] == 2


def test_shares_need_no_chain_and_no_volatility_index(command: Command, tmp_path: Path) -> None:
    """Daily closes value shares, and what is not known of volatility does not touch them."""
    prices = tmp_path / "spy_daily.csv"
    days = np.arange("2024-01-02", "2025-06-30", dtype="datetime64[D]")
    days = days[np.is_busday(days)]
    level = 500.0 * np.exp(np.cumsum(0.01 * np.random.default_rng(2).standard_normal(days.size)))
    rows = [f"SPY,{day},{p:.2f},{p:.2f},{p:.2f},{p:.2f}" for day, p in zip(days, level, strict=True)]
    prices.write_text("\n".join(["symbol,date,open,high,low,close", *rows]) + "\n", encoding="utf-8")
    book = tmp_path / "book.json"
    book.write_text('[{"instrument": "SPY", "quantity": 10}]', encoding="utf-8")
    code, told, _ = command(str(book), "--history", str(prices), "--json")
    found = json.loads(told)
    assert code == 0
    assert found["scenarios"][0]["pnl"] == pytest.approx(-0.1 * found["worth"])
    assert found["value_at_risk"]["value_at_risk"] > 0.0
    assert found["volatility_index"] is None
    assert {each["name"]: each["pnl"] for each in found["scenarios"]}["vix_to_50"] == 0.0


def test_a_perpetual_is_told_how_far_its_liquidation_is(command: Command, tmp_path: Path) -> None:
    """Isolated at 20 times with 0.5 %: a fall of 4.5 % liquidates a long one, so that crash and gap reach it."""
    prices = tmp_path / "btc_daily.csv"
    rows = [f"BTC/USDT:USDT,2024-01-{day:02d},100,100,100,100" for day in range(1, 11)]
    prices.write_text("\n".join(["symbol,date,open,high,low,close", *rows]) + "\n", encoding="utf-8")
    book = tmp_path / "book.csv"
    head = "instrument,quantity,entry_price,collateral,maintenance_rate"
    book.write_text(f"{head}\nBTC/USDT:USDT,10,100,50,0.005\n", encoding="utf-8")
    code, told, _ = command(str(book), "--history", str(prices), "--json")
    found = json.loads(told)
    row = found["liquidations"][0]
    assert code == 0
    assert row["price"] == pytest.approx((1000.0 - 50.0) / (10.0 * 0.995))
    assert row["distance"] == pytest.approx(1.0 - row["price"] / 100.0)
    assert set(row["reached"]) == {"flash_crash", "flash_crash_vol_unchanged", "gap_down"}
    assert found["margin"] is None
    book.write_text("instrument,quantity\nBTC/USDT:USDT,10\n", encoding="utf-8")
    _, told, _ = command(str(book), "--history", str(prices))
    assert "liquidation of BTC/USDT:USDT: unknown; give the row entry_price" in told


def test_a_place_without_a_book_is_told(command: Command, tmp_path: Path) -> None:
    """Neither a file that is not there nor a folder that is no run speaks of error numbers."""
    code, _, noted = command(str(tmp_path / "book.toml"))
    assert code == 1
    assert "there is no such book" in noted.replace("\n", " ")
    code, _, noted = command(str(tmp_path))
    assert code == 1
    assert "this folder is no run" in noted.replace("\n", " ")
