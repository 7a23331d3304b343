"""Recordings played through live states: order, no look-ahead, one path with recorded chains."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from adapters.simulated import SimulatedMarketConfig, light_config
from adapters.simulated.feed import SimulatedFeed
from cluster.field_json import field_summary
from cluster.pictures.smiles import smiles_of
from cluster.playing import PlayedField, Player, play, require_chain
from cluster.tables import print_field
from fields.compute import compute_field
from fields.config import FieldConfig, PositionSource
from fields.live.config import LiveConfig
from fields.live.market import MarketInputs
from fields.live.state import SymbolState
from fields.summary import summarize
from market.calendars import session_on
from market.chains import OptionChain
from market.errors import DataError
from market.ports import MarketBatch
from tests.actors.samples import series_of, small_chain

_MINUTE_NS = 60_000_000_000


@cache
def _batches(n: int = 24) -> tuple[MarketBatch, ...]:
    config: SimulatedMarketConfig = light_config(2, 100, seed=5, interval_s=0.0)
    feed = SimulatedFeed(config)
    return tuple(feed.next_batch() for _ in range(n))


class _Recording:
    """A feed of given batches."""

    def __init__(self, batches: tuple[MarketBatch, ...]) -> None:
        self._left: Iterator[MarketBatch] = iter(batches)
        self.symbols = ("SIM000", "SIM001")

    def next_batch(self) -> MarketBatch | None:
        return next(self._left, None)

    def delay_s(self) -> float:
        return 0.0

    def rewind(self, sequence: int) -> None:
        raise AssertionError(sequence)


def _player(source: PositionSource = PositionSource.HYBRID) -> Player:
    return Player(lambda _symbol: SymbolState(LiveConfig(fields=FieldConfig(position_source=source))))


def _summaries(batches: tuple[MarketBatch, ...], **options: Any) -> list[dict[str, Any]]:
    found = []
    for result in play(_Recording(batches), _player(), **options):
        assert isinstance(result, PlayedField)
        found.append({**field_summary(result.field.snapshot, result.field.live), "timings_ms": {}})
    return found


def _chain(place: int = 0) -> OptionChain:
    return _batches()[0].chains[place]


def test_a_stop_sees_nothing_of_what_comes_later() -> None:
    """The field at an instant is that of a recording which ends there."""
    batches = _batches()
    middle = batches[11]
    assert _summaries(batches, until_ns=middle.ts_event_ns) == _summaries(batches[:12])


def test_each_interval_ends_with_the_field_of_its_end() -> None:
    """One field per symbol and interval, each equal to that of a replay which stops there; the last is the end's."""
    batches = _batches()
    every = _summaries(batches, every_ns=_MINUTE_NS)
    edges = sorted({-(-batch.ts_event_ns // _MINUTE_NS) * _MINUTE_NS for batch in batches})
    assert len(edges) >= 2
    assert [found["as_of"] for found in every] == [
        found["as_of"] for edge in edges for found in _summaries(batches, until_ns=edge)
    ]
    assert every[:2] == _summaries(batches, until_ns=edges[0])
    assert every[-2:] == _summaries(batches)


def test_a_chain_alone_gives_the_field_of_the_chain() -> None:
    """The live state adds readings and changes none."""
    chain = _chain()
    player = _player(PositionSource.OI_NAIVE)
    player.apply_chain(chain)
    (found,) = player.fields()
    assert isinstance(found, PlayedField)
    alone, played = summarize(compute_field(chain, FieldConfig())), summarize(found.field.snapshot)
    for name in ("dex_usd", "gamma_usd_per_pct", "zero_gamma", "surface", "hedge_flow_at_spot", "contracts"):
        assert played[name] == alone[name]


def test_a_hybrid_book_without_trades_is_its_opening() -> None:
    """Nothing has moved it."""
    totals = []
    for source in (PositionSource.HYBRID, PositionSource.OI_NAIVE):
        player = _player(source)
        player.apply_chain(_chain())
        (found,) = player.fields()
        assert isinstance(found, PlayedField)
        totals.append(found.field.snapshot.totals)
    assert totals[0] == totals[1]


def test_quotes_and_trades_without_a_chain_are_refused() -> None:
    """They cannot be placed, and the message says what is missing."""
    batches = tuple(replace(batch, chains=()) for batch in _batches())
    player = _player()
    assert not list(play(_Recording(batches), player))
    with pytest.raises(DataError, match=r"no option chain of SIM.*expected a chain"):
        require_chain(player)


def test_a_chain_of_the_close_after_its_trades_is_refused() -> None:
    """It cannot place the trades before it, whatever is told in its own minute."""
    first, *rest = _batches()[:6]
    told = tuple(replace(batch, chains=()) for batch in rest)
    session = session_on(first.chains[0].series[0].product.calendar, first.chains[0].session)
    assert session is not None
    late = tuple(replace(chain, ts_event_ns=session.close_ns) for chain in first.chains)
    close = replace(rest[-1], sequence=99, ts_event_ns=session.close_ns, chains=late)
    results = list(play(_Recording((*told, close)), _player()))
    assert results
    assert all(isinstance(result, DataError) and "that of the close" in str(result) for result in results)


def test_only_the_symbol_that_was_asked_for_is_played() -> None:
    """The others cost nothing."""
    chain = _chain(1)
    player = Player(lambda _symbol: SymbolState(LiveConfig()), symbol=chain.symbol)
    for batch in _batches():
        player.apply(batch)
    assert player.symbols == (chain.symbol,)


def test_positions_of_a_user_stand_in_the_book() -> None:
    """They are asked for each chain, in its order."""
    config = LiveConfig(fields=FieldConfig(position_source=PositionSource.USER))
    player = Player(lambda _symbol: SymbolState(config), lambda chain: np.full(chain.n_contracts, 10.0))
    player.apply_chain(_chain())
    (found,) = player.fields()
    assert isinstance(found, PlayedField)
    assert found.field.snapshot.totals.gamma_usd_per_pct > 0.0


def test_a_field_comes_with_the_chain_of_its_quotes() -> None:
    """Quotes after a recorded chain are in both, so that smiles are drawn; what comes later changes neither."""
    first, *rest = _batches()[:13]
    told = tuple(replace(batch, chains=()) for batch in rest)
    player = _player(PositionSource.OI_NAIVE)
    for batch in (first, *told[:-1]):
        player.apply(batch)
    found = next(player.fields())
    assert isinstance(found, PlayedField)
    snapshot, chain = found.field.snapshot, found.chain
    assert chain.ts_event_ns == snapshot.ts_event_ns > first.chains[0].ts_event_ns
    assert compute_field(chain, FieldConfig()).totals.gamma_usd_per_pct == snapshot.totals.gamma_usd_per_pct
    assert smiles_of(chain, snapshot.surface, snapshot.time_basis)
    before = chain.bid.copy()
    player.apply(told[-1])
    assert np.array_equal(chain.bid, before)
    assert any(quotes.symbol == chain.symbol and quotes.n_quotes for quotes in told[-1].quotes)


def test_a_session_that_has_ended_is_told_as_closed() -> None:
    """Nothing is left to buy at the close, and a remainder of rounding is not printed as an amount."""
    player = _player(PositionSource.OI_NAIVE)
    player.apply_chain(_chain())
    (found,) = player.fields()
    assert isinstance(found, PlayedField)
    snapshot = found.field.snapshot
    flow = replace(
        snapshot.hedge_flow,
        minutes_to_close=0.0,
        buy_to_close_usd=np.full_like(snapshot.hedge_flow.buy_to_close_usd, -6.97e-07),
    )
    console = Console(record=True, width=200, file=io.StringIO())
    print_field(replace(snapshot, hedge_flow=flow), found.field.live, console)
    assert "$0 to the close (closed)" in console.export_text()


def test_a_field_knows_the_context_of_its_instant_and_told_inputs_come_first() -> None:
    """What a batch brings beside its chain is in the field; what the user told is kept."""
    chain = small_chain("AAA")
    context = (series_of("VIX", 15.0, chain.ts_event_ns), series_of("VIX9D", 14.0, chain.ts_event_ns + 1))

    def told(_symbol: str) -> SymbolState:
        state = SymbolState(LiveConfig())
        state.on_market(MarketInputs.of({"adx": 30.0}))
        return state

    player = Player(told)
    player.apply_chain(chain, context)
    (found,) = player.fields()
    assert isinstance(found, PlayedField)
    market = found.field.live.market
    assert (market.vix, market.adx) == (15.0, 30.0)
    assert market.reasons["vix9d"] == "nothing of VIX9D was known by then"
