"""`hedgefield data ls` and `hedgefield data check` on stores and files, as a user sees them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from cluster.importing import ImportOptions, import_files
from cluster.printing import shown_score
from cluster.store_place import shown_place
from tests.cluster.stores import bar_files, called, run


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with three days of minute bars, of which the middle one is missing and one bar is impossible."""
    folder = tmp_path_factory.mktemp("store")
    files = bar_files(folder / "files", 3, 1440)
    lines = files[2].read_text().splitlines()
    time, start, high, low, close = lines[10].split(",")
    lines[10] = f"{time},{start},{low},{high},{close}"
    files[2].write_text("\n".join(lines) + "\n")
    assert not any(r.problem for r in import_files(str(folder / "s"), [files[0], files[2]], ImportOptions(), jobs=1))
    return folder / "s"


def test_a_store_is_listed_with_span_gaps_and_quality(place: Path, tmp_path: Path) -> None:
    """Unchecked data have no score, and say so; a folder that is a store is listed as one."""
    done = run(tmp_path, "data", "ls", str(place), "--json")
    assert done.returncode == 0, done.stderr
    (found,) = map(json.loads, done.stdout.splitlines())
    assert (found["kind"], found["symbol"], found["sessions"], found["rows"]) == ("bars", "BTCUSDT-SPOT", 2, 2880)
    assert (found["first_at"], found["last_at"]) == ("2024-01-02T00:00:00Z", "2024-01-04T23:59:00Z")
    assert (found["missing_sessions"], found["gaps"][0]["from"]) == (1, "2024-01-03T00:00:00Z")
    assert (found["version"], found["files"]) == (2, 2)
    assert found["bytes"] > 0
    told = run(tmp_path, "data", "ls", "--store", str(place), "--kind", "bars")
    assert "1 series, 2,880 rows" in told.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["ls"], 1, "there is no store"),
        (["check"], 1, "there is no store"),
        (["ls", "--store", "{place}", "--symbol", "NOBODY"], 1, "the store has no such data"),
        (["ls", "--store", "{place}", "--kind", "gossip"], 2, "there is no such kind of data"),
        (["check", "--store", "{place}", "--symbol", "NOBODY"], 1, "there is nothing to check"),
        (["check", "--store", "{place}", "{place}"], 2, "give either files or --store"),
        (["ls", "--store", "{place}", "{place}"], 2, "give either a path or --store"),
        (["check", "--store", "{place}", "--fail-under", "7"], 2, "less than or equal to 1"),
    ],
)
def test_what_cannot_be_listed_or_checked_is_said(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    place: Path,
    tmp_path: Path,
    arguments: list[str],
    code: int,
    words: str,
) -> None:
    """Exit code 1 for what was found, 2 for what was typed, never a traceback."""
    found = called(monkeypatch, capsys, tmp_path, "data", *(word.format(place=place) for word in arguments))
    assert (found[0], "Traceback" in found[2]) == (code, False)
    assert words in found[2]


def test_a_check_finds_the_planted_bar_and_keeps_the_score(place: Path, tmp_path: Path) -> None:
    """The report stands in two files; ls shows the score afterwards; the threshold decides the exit code."""
    arguments = ["data", "check", "--store", str(place), "--report", str(tmp_path / "report"), "--json"]
    done = run(tmp_path, *arguments, "--fail-under", "0.99")
    assert done.returncode == 0, done.stderr
    series, total = map(json.loads, done.stdout.splitlines())
    found = {item["check"]: item["count"] for item in series["findings"]}
    assert found["ohlc"] == 1
    assert found["gap"] >= 1
    assert 0.99 < total["score"] < 1.0
    assert [Path(path).name for path in total["report"]] == ["quality.html", "quality.json"]
    assert "ohlc" in (tmp_path / "report" / "quality.html").read_text()
    (listed,) = map(json.loads, run(tmp_path, "data", "ls", str(place), "--json").stdout.splitlines())
    assert listed["quality"] == pytest.approx(series["score"])
    strict = run(tmp_path, *arguments, "--fail-under", "1")
    assert strict.returncode == 1
    assert re.search(r"below 1: bars BTCUSDT-SPOT has 0\.99", strict.stderr)


def test_files_are_checked_without_a_store_and_garbage_is_named(tmp_path: Path) -> None:
    """Nothing is left behind but the report; a file that cannot be read makes the exit code 1."""
    files = bar_files(tmp_path / "files", 2, 100)
    (tmp_path / "files" / "noise.bin").write_bytes(b"\x00\xff" * 100)
    done = run(tmp_path / "home", "data", "check", str(tmp_path / "files"))
    assert done.returncode == 1
    assert "refused: noise.bin" in done.stderr
    assert "score 1.0000 over 200 rows" in done.stdout
    assert sorted(path.name for path in (tmp_path / "home").rglob("*.*")) == ["quality.html", "quality.json"]
    assert run(tmp_path / "home", "data", "check", str(files[0])).returncode == 0


def test_a_store_that_cannot_be_written_can_be_read_and_checked(place: Path, tmp_path: Path) -> None:
    """What would write into it says so at once; a check keeps its scores for itself."""
    sealed = tmp_path / "sealed"
    shutil.copytree(place, sealed, ignore=shutil.ignore_patterns("*.quality.json", ".partial"))
    (sealed / ".partial").write_text("")  # where every write begins; rights would not stop the superuser of a container
    assert run(tmp_path, "data", "ls", str(sealed)).returncode == 0
    done = run(tmp_path, "data", "check", "--store", str(sealed), "--json")
    assert done.returncode == 0, done.stderr
    assert not list(sealed.rglob("*.quality.json"))
    refused = run(tmp_path, "data", "import", str(place.parent / "files"), "--store", str(sealed))
    assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)
    assert "cannot be written" in refused.stderr


def test_a_score_is_never_rounded_up_to_perfect() -> None:
    """Four nines and more are not one."""
    assert (shown_score(0.99999), shown_score(1.0), shown_score(0.5)) == ("0.9999", "1.0000", "0.5000")


def test_an_address_is_shown_without_its_key() -> None:
    """Keys may stand before the host or in the query."""
    assert shown_place("s3://key:word@bucket/a?token=b") == "s3://...@bucket/a"  # pragma: allowlist secret
    assert shown_place("s3://bucket/a") == "s3://bucket/a"


@pytest.mark.data
def test_known_quirks_of_real_files_stand_in_the_summary(tmp_path: Path, data_root: Path) -> None:
    """Far-off prints and missing bars of the recorded data are found by the command itself."""
    files = [
        data_root / "underlying" / name for name in ("spy_1min_20240220_20240517.parquet", "spx_1min_lean.parquet")
    ]
    done = run(tmp_path, "data", "check", *map(str, files), "--json")
    assert done.returncode == 0, done.stderr
    *series, total = map(json.loads, done.stdout.splitlines())
    checks = {item["check"] for one in series for item in one["findings"]}
    assert {"wick", "gap"} <= checks
    assert total["rows"] == 49_720 + 822
