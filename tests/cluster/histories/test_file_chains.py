"""Chains of several files as one sequence: in order of time, each once, and read when it is asked for."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from cluster.histories.digests import digest_of_code, digest_of_files
from cluster.histories.file_chains import chains_of_files
from cluster.histories.span import Span
from market.errors import DataError
from tests.adapters.chains.samples import cboe_rows, write_table
from tests.cluster.histories.tables import write_mids

SESSIONS = ("2023-05-23", "2023-05-24", "2023-05-26")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Return three files of one session each, the newest first."""
    return [write_table(tmp_path / f"{day}.parquet", cboe_rows(day)) for day in reversed(SESSIONS)]


def test_chains_of_several_files_stand_in_order_of_time(files: list[Path]) -> None:
    """Whatever the order of the files, sessions rise, and a chain can be asked for again."""
    (chains,) = chains_of_files(files)
    assert [chains.chain(place).session.isoformat() for place in range(len(chains))] == list(SESSIONS)
    assert chains.chain(0).session.isoformat() == SESSIONS[0]
    assert (np.diff(chains.available_ns) > 0).all()
    assert chains.source("SPX chains").rows == 9


def test_the_digest_is_that_of_the_bytes_in_any_order(files: list[Path]) -> None:
    """Neither the order nor the names of the files count; one changed byte does."""
    digest = chains_of_files(files)[0].source("x").digest
    assert digest == chains_of_files(files[::-1])[0].source("x").digest == digest_of_files(files)
    assert digest_of_files(files[:1]) == hashlib.sha256(files[0].read_bytes()).hexdigest()
    assert digest_of_files(files[:2]) != digest


def test_a_delay_is_when_a_chain_can_be_known(files: list[Path]) -> None:
    """A vendor that delivers a quarter of an hour late is seen a quarter of an hour late."""
    late, now = chains_of_files(files, delay_ns=900 * 10**9)[0], chains_of_files(files)[0]
    assert (late.available_ns - now.available_ns == 900 * 10**9).all()
    assert late.chain(1).ts_event_ns == now.chain(1).ts_event_ns


def test_one_chain_in_two_files_is_refused(files: list[Path], tmp_path: Path) -> None:
    """The error names both files."""
    other = tmp_path / "again.parquet"
    other.write_bytes(files[0].read_bytes())
    with pytest.raises(DataError, match=r"2023-05-26.parquet and again.parquet|again.parquet and 2023-05-26.parquet"):
        chains_of_files([*files, other])


def test_sessions_and_underlyings_that_are_not_there_are_named(files: list[Path]) -> None:
    """A span is cut out of what is there, and nothing beyond."""
    span = Span(first=date(2023, 5, 24), last=date(2023, 5, 26))
    assert len(chains_of_files(files, span)[0]) == 2
    with pytest.raises(DataError, match="2023-05-23 to 2023-05-26"):
        chains_of_files(files, Span(first=date(2023, 5, 22), last=date(2023, 5, 26)))
    with pytest.raises(DataError, match="NDX"):
        chains_of_files(files, symbols=frozenset({"SPX", "NDX"}))


def test_a_format_without_quotes_gives_chains_without_quotes(tmp_path: Path) -> None:
    """Read chain by chain, a mid is the last price and no bid."""
    (chains,) = chains_of_files([write_mids(tmp_path)])
    chain = chains.chain(0)
    assert np.isnan(chain.bid).all()
    assert np.isnan(chain.ask).all()
    assert np.isfinite(chain.last).all()


def test_the_version_of_code_is_that_of_its_sources() -> None:
    """Two packages have two versions, and a release of a library counts."""
    assert digest_of_code(("fields",), ()) == digest_of_code(("fields",), ())
    assert (
        len({digest_of_code(("fields",), ()), digest_of_code(("market",), ()), digest_of_code(("fields",), ("numpy",))})
        == 3
    )
