"""The order of everything: by availability, then by phase and name, whatever the order of the inputs."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.tape import Phase, Tape, TapeStream
from market.errors import DataError

STREAMS = st.lists(
    st.tuples(st.sampled_from(list(Phase)), st.lists(st.integers(0, 20), max_size=12).map(sorted)),
    min_size=1,
    max_size=6,
)


def stream(place: int, phase: Phase, instants: list[int]) -> TapeStream:
    """Return a stream of its own name."""
    return TapeStream(phase=phase, name=f"stream {place}", instants=np.array(instants, dtype=np.int64))


@given(STREAMS)
def test_rows_come_by_instant_then_phase_then_name_then_place(found: list[tuple[Phase, list[int]]]) -> None:
    """Every row once."""
    streams = [stream(place, *each) for place, each in enumerate(found)]
    rows = list(Tape(streams))
    keys = [(ts, streams[owner].phase, streams[owner].name, row) for ts, owner, row in rows]
    assert keys == sorted(keys)
    assert len(rows) == len(set(rows)) == sum(len(instants) for _, instants in found)
    assert all(int(streams[owner].instants[row]) == ts for ts, owner, row in rows)


@given(STREAMS, st.randoms())
def test_the_order_of_the_streams_does_not_matter(found: list[tuple[Phase, list[int]]], random: Random) -> None:
    """The same rows of the same names come in the same order."""
    streams = [stream(place, *each) for place, each in enumerate(found)]
    shuffled = list(streams)
    random.shuffle(shuffled)

    def told(given: list[TapeStream]) -> list[tuple[int, str, int]]:
        return [(ts, given[owner].name, row) for ts, owner, row in Tape(given)]

    assert told(streams) == told(shuffled)


def test_a_span_keeps_both_of_its_ends() -> None:
    """Rows outside are left out."""
    tape = Tape([stream(0, Phase.QUOTE, [1, 2, 3, 4])], 2, 3)
    assert [ts for ts, _, _ in tape] == [2, 3]
    assert (len(tape), tape.first_ns, tape.last_ns) == (2, 2, 3)


def test_an_empty_tape_has_no_instants() -> None:
    """There is nothing to iterate."""
    assert (list(Tape([])), Tape([]).first_ns, Tape([]).last_ns) == ([], -1, -1)


def test_a_stream_out_of_order_is_refused() -> None:
    """Whoever made it has to sort it."""
    with pytest.raises(DataError, match="not in order"):
        stream(0, Phase.CHAIN, [2, 1])
