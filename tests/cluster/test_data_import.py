"""`hedgefield data import` as a user sees it: folders with garbage, resuming, cuts, rights, JSON."""

from __future__ import annotations

import json
import multiprocessing
import resource
import signal
from pathlib import Path, PosixPath
from typing import Any

import pytest

from adapters.listing import files_below
from adapters.store import DataKind, IngestStatus, open_store
from cluster.importing import ImportOptions, import_files
from market.errors import DataError
from tests.cluster.stores import bar_files, called, content, ended_after, run

_OPTIONS = ImportOptions()


def test_a_folder_with_garbage_comes_in_but_for_the_garbage(tmp_path: Path) -> None:
    """Each refusal has its reason, the rest is in, and the exit code is 1."""
    bar_files(tmp_path / "files" / "below", 2, 50)
    (tmp_path / "files" / "noise.bin").write_bytes(b"\x00\xff" * 500)
    (tmp_path / "files" / "empty.csv").write_text("")
    (tmp_path / "files" / "lies.parquet").write_bytes(b"PAR1 nothing PAR1")
    (tmp_path / "files" / ".hidden").write_text("not looked at")
    done = run(tmp_path, "data", "import", str(tmp_path / "files"), "--store", str(tmp_path / "s"), "--jobs", "2")
    assert done.returncode == 1, done.stderr
    assert "5 files (3 refused, 2 written): 100 rows" in done.stdout
    for name in ("noise.bin", "empty.csv", "lies.parquet"):
        assert f"\n{name}: " in done.stdout
    assert "Traceback" not in done.stderr
    assert "[5/5] " in done.stderr
    assert len(content(tmp_path / "s")[DataKind.BARS, "BTCUSDT-SPOT"]) == 100


def test_a_second_import_finds_everything_present(tmp_path: Path) -> None:
    """Nothing is written twice, and without the short cut rows are recognised one by one."""
    files = bar_files(tmp_path / "files", 3, 40)
    place = str(tmp_path / "s")
    first = list(import_files(place, files, _OPTIONS, jobs=1))
    assert [report.status for report in first] == [IngestStatus.WRITTEN] * 3
    before = open_store(place).state(DataKind.BARS)
    assert {r.status for r in import_files(place, files, _OPTIONS, jobs=1)} == {IngestStatus.PRESENT}
    assert open_store(place).state(DataKind.BARS) == before
    again = list(import_files(place, files, ImportOptions(skip_existing=False), jobs=1))
    assert [(report.n_rows, report.n_repeated) for report in again] == [(0, 40)] * 3


def test_a_dry_run_counts_and_leaves_no_trace(tmp_path: Path) -> None:
    """Not even the folder of the store is made."""
    bar_files(tmp_path / "files", 2, 30)
    done = run(tmp_path, "data", "import", str(tmp_path / "files"), "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    *files, total = map(json.loads, done.stdout.splitlines())
    assert [(item["status"], item["rows"]) for item in files] == [("dry_run", 30)] * 2
    assert (total["rows"], total["status"]) == (60, {"dry_run": 2})
    assert not (tmp_path / "store").exists()


def test_the_store_of_the_settings_is_the_default_and_gaps_span_files(tmp_path: Path) -> None:
    """Two files that leave days between them are a gap, though neither file has one."""
    files = bar_files(tmp_path / "files", 3, 1440)
    done = run(tmp_path, "data", "import", str(files[0]), str(files[2]), "--json")
    assert done.returncode == 0, done.stderr
    *reports, total = map(json.loads, done.stdout.splitlines())
    assert [report["gaps"] for report in reports] == [[], []]
    assert total["store"] == str(tmp_path / "store")
    (gap,) = total["gaps"]["bars BTCUSDT-SPOT"]
    assert (gap["from"][:10], gap["sessions"]) == ("2024-01-03", 1)


def test_processes_that_meet_in_one_partition_lose_no_row(tmp_path: Path) -> None:
    """Twelve files of one year and source: whoever loses a race repeats it."""
    files = bar_files(tmp_path / "files", 12, 20, step="h")
    reports = list(import_files(str(tmp_path / "many"), files, _OPTIONS, jobs=4))
    assert {report.status for report in reports} == {IngestStatus.WRITTEN}, [r.problem for r in reports]
    list(import_files(str(tmp_path / "one"), files, _OPTIONS, jobs=1))
    assert content(tmp_path / "many") == content(tmp_path / "one")
    assert len(content(tmp_path / "many")[DataKind.BARS, "BTCUSDT-SPOT"]) == 240


def test_a_reader_that_is_killed_costs_no_file(tmp_path: Path) -> None:
    """As the kernel does where memory runs out: what was under way is read again."""
    files = bar_files(tmp_path / "files", 8, 3000)
    running = import_files(str(tmp_path / "s"), files, _OPTIONS, jobs=2)
    reports = [next(running)]
    for process in multiprocessing.active_children():
        process.kill()
    reports += running
    assert sorted(report.path for report in reports) == files
    assert {report.status for report in reports} <= {IngestStatus.WRITTEN, IngestStatus.PRESENT}
    assert len(content(tmp_path / "s")[DataKind.BARS, "BTCUSDT-SPOT"]) == 24_000


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_an_import_that_is_cut_goes_on_to_the_same_store(tmp_path: Path, how: signal.Signals) -> None:
    """Finished files stay; Ctrl-C says how to go on, kill -9 says nothing; both end in the uninterrupted store."""
    files = bar_files(tmp_path / "files", 30, 2000)
    cut, whole = tmp_path / "cut", tmp_path / "whole"
    arguments = ["data", "import", str(tmp_path / "files"), "--jobs", "2", "--store", str(cut)]
    code, told, complaint = ended_after(tmp_path, 4, how, arguments)
    if how is signal.SIGINT:
        assert code == 1
        assert "the same command goes on with the rest" in complaint
        assert "Traceback" not in complaint
        assert "written" in told
    n_present = len(open_store(cut).state(DataKind.BARS).commits)
    assert 4 <= n_present < 30
    done = run(tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    assert "present" in done.stdout
    list(import_files(str(whole), files, _OPTIONS, jobs=1))
    assert content(cut) == content(whole)


def test_a_store_that_cannot_be_written_is_told_before_any_file_is_read(tmp_path: Path) -> None:
    """A file stands where the folder should be; the message says what to do."""
    (tmp_path / "taken").write_text("")
    (file,) = bar_files(tmp_path / "files", 1, 10)
    done = run(tmp_path, "data", "import", str(file), "--store", str(tmp_path / "taken" / "s"))
    assert done.returncode == 1
    assert "the store failed" in done.stderr
    assert "Traceback" not in done.stderr
    assert "[1/1]" not in done.stderr


def test_a_name_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    """Line ends and colours in the name of a file are written out."""
    (file,) = bar_files(tmp_path / "files", 1, 10)
    file.rename(tmp_path / "files" / "evil\n\x1b[31mred.csv")
    done = run(tmp_path, "data", "import", str(tmp_path / "files"), "--store", str(tmp_path / "s"), "--jobs", "1")
    assert "\x1b" not in done.stdout + done.stderr
    assert "evil\\n\\x1b[31mred.csv" in done.stderr


class _CountedPath(PosixPath):
    """A path that counts how often its file is opened."""

    n_opened = 0

    def open(self, *arguments: Any, **named: Any) -> Any:
        """Open the file."""
        type(self).n_opened += 1
        return super().open(*arguments, **named)


def test_a_file_is_not_read_again_for_a_disk_that_takes_nothing_more(tmp_path: Path) -> None:
    """Nothing that a further attempt could change; twenty of them made an import onto a full disk take minutes."""
    (file,) = bar_files(tmp_path / "files", 1, 5_000)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, before[1]))
    try:
        (report,) = import_files(str(tmp_path / "full"), [_CountedPath(file)], _OPTIONS, jobs=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (report.status, "File too large" in report.problem) == (IngestStatus.REFUSED, True), report.problem
    n_opened, _CountedPath.n_opened = _CountedPath.n_opened, 0
    (report,) = import_files(str(tmp_path / "room"), [_CountedPath(file)], _OPTIONS, jobs=1)
    assert (report.status, n_opened) == (IngestStatus.WRITTEN, _CountedPath.n_opened)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["{tmp}/nowhere"], 1, "there is no such file"),
        (["{tmp}"], 1, "the folder holds no files"),
        ([], 2, "Missing argument"),
        (["{tmp}", "--jobs", "0"], 2, "greater than or equal to 1"),
        (["{tmp}/x.csv", "--store", "gopher://nowhere"], 2, "the address of the store cannot be opened"),
    ],
)
def test_what_cannot_be_done_is_said_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: list[str],
    code: int,
    words: str,
) -> None:
    """Exit code 2 for what was typed, 1 for what was found."""
    folder = tmp_path / "empty"
    folder.mkdir()
    if arguments[:1] == ["{tmp}/x.csv"]:
        bar_files(folder, 1, 2)[0].rename(folder / "x.csv")
    found = called(
        monkeypatch, capsys, tmp_path / "home", *(w.format(tmp=folder) for w in ("data", "import", *arguments))
    )
    assert (found[0], "Traceback" in found[2]) == (code, False)
    assert words in found[2]


def test_files_are_named_once_and_hidden_ones_not_at_all(tmp_path: Path) -> None:
    """A folder and a file in it give the file once; the order is that of the paths."""
    files = bar_files(tmp_path, 3, 2)
    (tmp_path / ".partial").mkdir()
    (tmp_path / ".partial" / "x").write_text("")
    assert files_below([files[1], tmp_path]) == (files[1], files[0], files[2])
    with pytest.raises(DataError, match="no such file"):
        files_below([tmp_path / "gone"])


@pytest.mark.data
@pytest.mark.slow
def test_real_files_come_in_the_same_however_many_processes_read_them(tmp_path: Path, data_root: Path) -> None:
    """Chains, ticks, bars, rates and tables of the recorded data."""
    folders = [data_root / name for name in ("daily", "rates", "raw_formats", "underlying")]
    reports = list(import_files(str(tmp_path / "two"), files_below(folders), _OPTIONS, jobs=2))
    assert {report.status for report in reports} == {IngestStatus.WRITTEN}
    list(import_files(str(tmp_path / "one"), files_below(folders), _OPTIONS, jobs=1))
    assert content(tmp_path / "two") == content(tmp_path / "one")
