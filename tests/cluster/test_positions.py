"""A user's view of the dealers' book is matched to the chain by contract, or refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cluster.positions import read_positions
from market.chains import OptionChain
from market.errors import DataError
from tests.actors.samples import small_chain


@pytest.fixture
def chain() -> OptionChain:
    whole = small_chain("SPX")
    names = np.array([f"C{n}".encode() for n in range(whole.n_contracts)])
    return replace(whole, symbols=names)


def test_positions_are_matched_by_contract(chain: OptionChain, tmp_path: Path) -> None:
    """The order of the file does not matter; a contract that it does not name has no position."""
    path = tmp_path / "positions.csv"
    path.write_text("contract,contracts\nC3,-12.5\nC0,7\n")
    held = read_positions(chain, path)
    assert (held[0], held[3]) == (7.0, -12.5)
    assert held[1] == 0.0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("a,b\n1,2\n", "row 1"),
        ("contract,contracts\nC0,seven\n", "row 2"),
        ("contract,contracts\nC0,1\nC0,2\n", "row 3"),
        ("contract,contracts\nnan,1\n", "does not hold|do not hold|hold"),
        ("contract,contracts\nC0,nan\n", "row 2"),
    ],
)
def test_a_wrong_file_is_refused_with_its_row(chain: OptionChain, tmp_path: Path, content: str, reason: str) -> None:
    """Nothing is guessed: the message names the row or the contract."""
    path = tmp_path / "positions.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=reason):
        read_positions(chain, path)


def test_a_chain_without_names_cannot_be_matched(tmp_path: Path) -> None:
    """Positions by row number would be matched wrongly without anybody noticing."""
    with pytest.raises(DataError, match="no contract symbols"):
        read_positions(small_chain("SPX"), tmp_path / "positions.csv")
