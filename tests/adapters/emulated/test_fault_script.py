"""Faults as users write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.emulated.fault_script import parse_fault, read_faults
from adapters.emulated.faults import Fault, FaultKind, Where
from market.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("429", Fault(kind=FaultKind.RATE_LIMITED)),
        ("5xx@3+", Fault(kind=FaultKind.SERVER_ERROR, first=3, times=0)),
        ("html-error:/v2/*@2x4", Fault(kind=FaultKind.HTML_ERROR, path="/v2/*", first=2, times=4)),
        ("disconnect@20", Fault(kind=FaultKind.DISCONNECT, where=Where.MESSAGE, first=20)),
        ("disconnect.connect", Fault(kind=FaultKind.DISCONNECT, where=Where.CONNECT)),
        ("slow.message:/v2/iex", Fault(kind=FaultKind.SLOW, where=Where.MESSAGE, path="/v2/iex")),
    ],
)
def test_a_word_says_kind_place_path_and_turn(text: str, fault: Fault) -> None:
    """What is not said is what the kind is usually meant for."""
    assert parse_fault(text) == (fault,)


@pytest.mark.parametrize("text", ["", "nonsense", "429@", "429@0", "429@x", "truncated.message", "slow.nowhere", "a b"])
def test_a_word_that_says_none_is_refused(text: str) -> None:
    """A fault that never happens would be taken for a system that withstands it."""
    with pytest.raises(ConfigError):
        parse_fault(text)


def test_a_file_says_how_late_and_how_old(tmp_path: Path) -> None:
    """Each table is one fault, in the order of the file."""
    path = tmp_path / "faults.toml"
    path.write_text('[[fault]]\nkind = "slow"\ndelay_s = 4\ntimes = 0\n[[fault]]\nkind = "stale"\nshift_s = 900.0\n')
    slow, stale = parse_fault(str(path))
    assert slow == Fault(kind=FaultKind.SLOW, delay_s=4.0, times=0)
    assert stale == Fault(kind=FaultKind.STALE, shift_ns=900_000_000_000)


@pytest.mark.parametrize(
    "text",
    ["", "x = 1", "fault = 3", '[[fault]]\nkind = "slow"\nlate = 3', '[[fault]]\nkind = "slow"\nfirst = "b"', "["],
)
def test_a_file_that_says_something_else_is_refused(tmp_path: Path, text: str) -> None:
    """Also one that is missing."""
    path = tmp_path / "faults.toml"
    path.write_text(text)
    with pytest.raises(ConfigError):
        read_faults(path)
    with pytest.raises(ConfigError):
        read_faults(tmp_path / "none.toml")
