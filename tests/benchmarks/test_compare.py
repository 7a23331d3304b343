"""The comparison with other engines: what cannot be had is skipped, what is unequal does not count."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.compare.__main__ import _print
from benchmarks.compare.environments import Comparator, prepared
from benchmarks.compare.running import Timing, timing


def _timing(orders: int, cpu_s: float = 1.0) -> Timing:
    return Timing(
        tool="t",
        rows=1000,
        orders=orders,
        cpu_s=cpu_s,
        least_cpu_s=cpu_s,
        wall_s=1.0,
        peak_rss_mb=1.0,
        digests=frozenset(),
    )


@pytest.mark.parametrize(("orders", "agrees"), [(3112, True), (3081, True), (3080, False), (0, True)])
def test_orders_that_differ_by_more_than_one_in_a_hundred_end_it(orders: int, agrees: bool) -> None:  # noqa: FBT001
    """31 of 3112 orders may be missing, 32 may not; 0 stands for work that cannot be compared."""
    assert _print([("ours", _timing(3112)), ("other", _timing(orders))]) is agrees


def test_the_ratio_is_ours_over_theirs(capsys: pytest.CaptureFixture[str]) -> None:
    """An engine that needs ten times as long is ten times slower."""
    _print([("ours", _timing(100, 0.5)), ("other", _timing(100, 5.0))])
    ours, other = capsys.readouterr().out.splitlines()[1:3]
    assert "1.0x" in ours
    assert "10.0x" in other


def test_repetitions_are_summed_up() -> None:
    """Median and minimum of the processor's time, the largest memory, and every digest that was seen."""
    base = {"tool": "t", "rows": 10, "orders": 2, "wall_s": 1.0}
    lines = [
        {**base, "cpu_s": cpu, "peak_rss_mb": memory, "digest": digest}
        for cpu, memory, digest in ((3.0, 5.0, "a"), (1.0, 9.0, "a"), (2.0, 7.0, "b"))
    ]
    found = timing(lines)
    assert (found.cpu_s, found.least_cpu_s, found.peak_rss_mb) == (2.0, 1.0, 9.0)
    assert found.digests == {"a", "b"}


def test_an_engine_that_cannot_be_installed_is_told(tmp_path: Path) -> None:
    """Where the folder of environments cannot be made, the reason is told and nothing is raised."""
    blocked = tmp_path / "file"
    blocked.write_text("not a folder", encoding="utf-8")
    comparator = Comparator(package="none", version="0", driver="none", cases=("bars",), licence="none")
    found = prepared(comparator, blocked)
    assert isinstance(found, str)
    assert found.startswith("none==0 cannot be installed: ")


def test_work_without_comparable_orders_is_not_called_equal(capsys: pytest.CaptureFixture[str]) -> None:
    """A rate beside a rate says nothing of equal work, and the table says so."""
    assert _print([("ours", _timing(0)), ("other", _timing(0))])
    assert "orders cannot be compared" in capsys.readouterr().out
