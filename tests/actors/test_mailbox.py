"""The hand-over from feed to shard: bounded, newest first to survive, and counted."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from actors.delivery import Delivery, FeedConfig
from actors.mailbox import Backlog, ShardMailbox, weigh
from actors.placement import owner
from tests.actors.samples import batch_of, book_of, series_of, small_chain, trades_of


def test_a_free_shard_gets_a_batch_at_once() -> None:
    """Without a batch on the way nothing waits and nothing is coalesced."""
    mail = ShardMailbox(max_in_flight=2)
    mail.offer(batch_of(3, small_chain("A")), 99)
    taken = mail.take()
    assert taken is not None
    assert (taken.sequence, taken.live_sequence, taken.received_ns) == (3, 3, 99)
    assert (len(mail), mail.coalesced) == (0, 0)


def test_a_slow_shard_gets_the_newest_chain_of_each_symbol() -> None:
    """While the shard is busy, newer chains replace those that wait, and each replacement is counted."""
    mail = ShardMailbox(max_in_flight=1)
    for sequence in range(5):
        mail.offer(batch_of(sequence, small_chain("A"), *([small_chain("B")] if sequence == 1 else [])), sequence)
        if sequence == 0:
            mail.take()
    assert mail.take() is None
    mail.returned()
    taken = mail.take()
    assert taken is not None
    assert taken.sequence == 4
    assert {chain.symbol: part.sequence for part in taken.parts for chain in part.chains} == {"A": 4, "B": 1}
    assert mail.coalesced == 3


def test_a_batch_without_chains_is_sent_only_when_it_announces() -> None:
    """Symbols of other shards do not wake this one; the end of a catch-up does."""
    mail = ShardMailbox()
    mail.offer(batch_of(0), 0)
    assert mail.take() is None
    mail.offer(batch_of(1), 0, announce=True)
    assert mail.take() is not None


@given(st.lists(st.sampled_from(["A", "B", "C"]), max_size=40), st.integers(1, 3))
def test_nothing_is_lost_without_a_count(symbols: list[str], in_flight: int) -> None:
    """What was offered is on the way, waits, or was counted as replaced; and no more waits than there are symbols."""
    mail, sent = ShardMailbox(in_flight), 0
    for sequence, symbol in enumerate(symbols):
        mail.offer(batch_of(sequence, small_chain(symbol)), 0)
        taken = mail.take()
        sent += 0 if taken is None else sum(len(part.chains) for part in taken.parts)
        assert len(mail) <= 3
    assert sent + len(mail) + mail.coalesced == len(symbols)
    assert mail.in_flight <= in_flight


def test_a_backlog_finds_the_batch_that_follows() -> None:
    """A position inside the backlog leads to the next batch; one before or at its end to none."""
    one = weigh(batch_of(0, small_chain("A")))
    backlog = Backlog(3 * one)
    for sequence in range(10):
        backlog.append(batch_of(sequence, small_chain("A")), sequence)
    assert len(backlog) == 3
    found = backlog.next_after(7)
    assert found is not None
    assert found.sequence == 8
    assert backlog.next_after(3) is None
    assert backlog.next_after(9) is None


def test_a_chain_that_waited_keeps_its_own_receipt() -> None:
    """Later batches of other symbols do not make a waiting chain look fresh."""
    mail = ShardMailbox(max_in_flight=1)
    mail.offer(batch_of(0, small_chain("A")), 10)
    mail.take()
    mail.offer(batch_of(1, small_chain("A")), 20)
    mail.offer(batch_of(2, small_chain("B")), 30)
    mail.returned()
    taken = mail.take()
    assert taken is not None
    assert (taken.sequence, taken.received_ns) == (2, 20)


def test_receipts_reach_further_back_than_batches() -> None:
    """A batch that has left the backlog is still known by its first receipt; one that never came is not."""
    backlog = Backlog(weigh(batch_of(0, small_chain("A"))))
    for sequence in range(5, 10):
        backlog.append(batch_of(sequence, small_chain("A")), 100 + sequence)
    assert backlog.next_after(5) is None
    assert [backlog.received_ns(s, 999) for s in (3, 6, 9, 10)] == [105, 106, 109, 999]
    assert Backlog(1).received_ns(0, 999) == 999


def test_trades_wait_in_order_and_are_not_replaced() -> None:
    """A newer chain replaces the one that waits; the trades that came with both are all handed over, oldest first."""
    mail = ShardMailbox(max_in_flight=1)
    for sequence in range(4):
        mail.offer(batch_of(sequence, small_chain("A"), trades=(trades_of("A", 3),)), sequence)
        if sequence == 0:
            mail.take()
    mail.returned()
    taken = mail.take()
    assert taken is not None
    assert [part.sequence for part in taken.parts] == [1, 2, 3]
    assert [len(part.chains) for part in taken.parts] == [0, 0, 1]
    assert sum(batch.n_trades for part in taken.parts for batch in part.trades) == 9
    assert not taken.lost


def test_a_flood_of_trades_is_bounded_and_counted() -> None:
    """Beyond its room a mailbox gives up the oldest trades, says of which symbol, and keeps the newest batch."""
    mail = ShardMailbox(max_in_flight=1, max_rows=10 * (10 + 24))  # a message takes the room of 24 rows besides its own
    mail.offer(batch_of(0, small_chain("A")), 0)
    mail.take()
    for sequence in range(1, 101):
        mail.offer(batch_of(sequence, trades=(trades_of("A", 10),)), 0)
    mail.returned()
    taken = mail.take()
    assert taken is not None
    assert [part.sequence for part in taken.parts] == list(range(91, 101))
    assert taken.lost == {"A": 900}
    assert mail.rows_lost == 900


def test_context_goes_to_every_shard_and_a_book_to_its_owner() -> None:
    """A rate concerns all symbols; an order book concerns the shard that owns its symbol."""
    shards = ("one", "two")
    delivery = Delivery(shards, FeedConfig())
    batch = replace(batch_of(0), books=(book_of("AAA"), book_of("BBB")), context=(series_of("VIX", 15.0),))
    parts = {name: delivery.part(batch, name) for name in shards}
    assert all(part.context == batch.context for part in parts.values())
    assert {book.symbol: name for name, part in parts.items() for book in part.books} == {
        symbol: owner(symbol, shards) for symbol in ("AAA", "BBB")
    }
    assert delivery.hand_over(batch, 0) == list(shards)
    assert all((message := delivery.take(name)) is not None and message.parts[0].context for name in shards)


def test_a_newer_book_replaces_the_one_that_waits() -> None:
    """Books coalesce by symbol and are counted; the context that came with the older one is still handed over."""
    mail = ShardMailbox(max_in_flight=1)
    mail.offer(batch_of(0, small_chain("A")), 0)
    mail.take()
    for sequence in (1, 2, 3):
        told = (series_of("VIX", 15.0),) if sequence == 1 else ()
        mail.offer(replace(batch_of(sequence), books=(book_of("A", 4_000.0 + sequence),), context=told), 0)
    mail.returned()
    taken = mail.take()
    assert taken is not None
    assert [(part.sequence, len(part.books), len(part.context)) for part in taken.parts] == [(1, 0, 1), (3, 1, 0)]
    assert taken.parts[1].books[0].bid_price[0] == 4_002.75
    assert mail.coalesced == 2


def test_a_flood_of_trades_costs_no_context() -> None:
    """Trades are given up oldest first; the rates that waited with them stay, until they flood a room of their own."""
    mail = ShardMailbox(max_in_flight=1, max_rows=10 * (10 + 24))
    mail.offer(batch_of(0, small_chain("A")), 0)
    mail.take()
    for sequence in range(1, 13):
        trades = (trades_of("A", 10),)
        mail.offer(replace(batch_of(sequence, trades=trades), context=(series_of("VIX", float(sequence)),)), 0)
    mail.returned()
    taken = mail.take()
    assert taken is not None
    assert [len(part.context) for part in taken.parts] == [1] * 12
    assert (taken.lost, taken.context_lost, mail.context_lost) == ({"A": 20}, 0, 0)
    for sequence in range(13, 33):
        mail.offer(replace(batch_of(sequence), context=(series_of("VIX", float(sequence)),)), 0)
    mail.returned()
    flooded = mail.take()
    assert flooded is not None
    assert (len(flooded.parts), flooded.context_lost, mail.context_lost) == (13, 7, 7)


def test_books_and_context_weigh_in_the_backlog() -> None:
    """What is kept for a shard that must catch up is bounded whatever it holds."""
    plain = batch_of(0, small_chain("A"))
    told = replace(plain, books=(book_of("A"),), context=(series_of("VIX", 15.0),))
    assert weigh(told) > weigh(plain) + 100 * 16


def test_what_a_live_venue_cannot_tell_again_is_a_hole() -> None:
    """Without a second feed a shard is told where it can go on, how much it missed and which context with it."""
    delivery = Delivery(("one",), FeedConfig(backlog_bytes=1, replays=False))
    for sequence in range(5):
        told = (series_of("VIX", 15.0),) if sequence == 2 else ()
        delivery.hand_over(replace(batch_of(sequence, small_chain("A")), context=told), sequence)
    hole = delivery.hole(0, 9)
    assert hole is not None
    assert (hole.sequence, hole.skipped, hole.context_lost, hole.live_sequence) == (3, 3, 1, 4)
    assert delivery.backlog.next_after(hole.sequence) is not None


def test_a_recording_has_no_hole() -> None:
    """What can be told again by a second feed is asked of it."""
    delivery = Delivery(("one",), FeedConfig(backlog_bytes=1))
    delivery.hand_over(batch_of(3, small_chain("A")), 0)
    assert delivery.hole(0, 9) is None
