"""Standard output for the answer alone: what C or Python writes meanwhile goes to standard error."""

from __future__ import annotations

import ctypes
import os

import pytest

from cluster.quiet_output import answer_alone


def _break_off() -> None:
    with answer_alone():
        ctypes.CDLL(None).puts(b"a line of C")
        os.write(1, b"a line past the buffer\n")
        raise RuntimeError("broken")


def test_what_libraries_write_meanwhile_goes_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    """Also what C still has in its buffer at the end, and also where an error ends it."""
    with pytest.raises(RuntimeError, match="broken"):
        _break_off()
    os.write(1, b"the answer\n")
    out, err = capfd.readouterr()
    assert out == "the answer\n"
    assert sorted(err.splitlines()) == ["a line of C", "a line past the buffer"]


def test_where_nobody_asks_for_it_everything_stays(capfd: pytest.CaptureFixture[str]) -> None:
    """Tables for people may be mixed."""
    with answer_alone(is_asked=False):
        os.write(1, b"a line\n")
    assert capfd.readouterr().out == "a line\n"
