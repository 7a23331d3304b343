"""Signing of a whole history, and of a stream, by the same kernels in the same order."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import final

import numpy as np

from fields.signing.config import SigningConfig, probability_table
from fields.signing.held_quotes import HeldQuotes, SavedQuotes
from fields.signing.matching import MetQuotes, match_history
from fields.signing.messages import SignedTrades, SigningStatus
from fields.signing.prints import PrintMemory, Prints, SavedPrints, WaitingTrades, as_column
from fields.signing.rules import decide
from fields.signing.steps import EXCHANGE_STEPS, QUOTE_STEPS, SIZE_STEPS, SigningStep, steps_of
from market.chains import BoolArray, FloatArray
from market.contracts import ContractIndex
from market.trades import ContractTable, Int64Array, QuoteBatch, TradeBatch

__all__ = ["SignerCheckpoint", "SignerCounts", "TradeSigner", "sign_trades"]

_REVERSE = 1 << SigningStep.REVERSE_TICK
_NAMES = tuple(item.name for item in fields(SignedTrades))
_TALLIED = ("trades", "unsigned", "duplicates", "late_trades", "excluded")
_COUNTED = (
    ("duplicates", int(SigningStatus.DUPLICATE)),
    ("late_trades", int(SigningStatus.LATE)),
    ("excluded", int(SigningStatus.EXCLUDED)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerCounts:
    """What a signer has met so far.

    Parameters
    ----------
    trades : int
        Trades taken in, all kinds.
    unsigned : int
        Released without a sign.
    duplicates, late_trades, excluded : int
        Repeated prints, trades that came after a newer one of their contract, prints excluded by their kind.
    late_quotes : int
        Quotes left out because a newer one of their contract and venue had come before.
    lost_quotes : int
        Look-ups whose quote was no longer held; above 0 a stream may differ from its history signed at once.
    waiting : int
        Trades that wait for a later price.
    """

    trades: int
    unsigned: int
    duplicates: int
    late_trades: int
    excluded: int
    late_quotes: int
    lost_quotes: int
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerCheckpoint:
    """What a `TradeSigner` needs to go on; trades that wait for a later price are not part of it.

    Parameters
    ----------
    quotes : SavedQuotes
        The standing quote of each contract and venue, and the one before it.
    prints : SavedPrints
        Last prices, and the newest ids.
    counts : SignerCounts
        What it has met.
    """

    quotes: SavedQuotes
    prints: SavedPrints
    counts: SignerCounts


@final
class TradeSigner:
    """Signs the trades of one symbol as they come.

    Parameters
    ----------
    config : SigningConfig
        Settings.
    contracts : ContractIndex, optional
        The numbering to use, shared with whoever reads the signs; a new one by default.
    saved : SignerCheckpoint, optional
        To go on from, with the numbering that it was made with.

    Notes
    -----
    A trade is signed with the quotes that were given before it, so quotes go first. Every trade is released once, by
    the call that takes it in; in a rule with the reverse tick by the first call after which its sign is known, or by
    `flush`. All releases together, in order of `row`, are bit by bit what `sign_trades` gives for the joined batches,
    however the stream is cut, as long as each trade comes after all quotes older than its instant less the lag and
    `SignerCounts.lost_quotes` is 0.
    """

    def __init__(
        self, config: SigningConfig, contracts: ContractIndex | None = None, saved: SignerCheckpoint | None = None
    ) -> None:
        self._config = config
        self._contracts = ContractIndex() if contracts is None else contracts
        self._steps = steps_of(config.rule, prefer_venue=config.prefer_venue)
        self._table = probability_table(config)
        self._masks = int(config.excluded), int(config.no_tick)
        self._quotes = HeldQuotes(config.max_held_quotes, with_exchange=bool(self._steps & EXCHANGE_STEPS))
        self._prints = PrintMemory(config.duplicate_window)
        self._chains = WaitingTrades(config.max_waiting)
        self._held: SignedTrades | None = None
        self._seen: tuple[ContractTable | None, Int64Array] = (None, np.zeros(0, dtype=np.int64))
        self._tally = dict.fromkeys(_TALLIED, 0)
        self._counted_before = (0, 0)  # late and lost quotes before a restart
        if saved is not None:
            n_places = len(self._contracts) + 1
            self._quotes.restore(saved.quotes, n_places)
            self._prints.restore(saved.prints, n_places)
            self._tally = {name: getattr(saved.counts, name) for name in _TALLIED}
            self._counted_before = saved.counts.late_quotes, saved.counts.lost_quotes

    @property
    def contracts(self) -> ContractIndex:
        """The numbering of `SignedTrades.contract`."""
        return self._contracts

    @property
    def counts(self) -> SignerCounts:
        """What the signer has met so far."""
        return SignerCounts(
            **self._tally,
            late_quotes=self._quotes.n_late + self._counted_before[0],
            lost_quotes=self._quotes.n_lost + self._counted_before[1],
            waiting=0 if self._held is None else self._held.n_trades,
        )

    def checkpoint(self) -> SignerCheckpoint:
        """Return what a restart needs: the trades that follow are signed as if there had been none."""
        return SignerCheckpoint(quotes=self._quotes.saved(), prints=self._prints.saved(), counts=self.counts)

    def on_quotes(self, quotes: QuoteBatch) -> None:
        """Take in quotes.

        Parameters
        ----------
        quotes : QuoteBatch
            In order of arrival.
        """
        numbers = self._numbers(quotes.contracts)
        if self._steps & QUOTE_STEPS:
            self._quotes.grow(len(self._contracts) + 1)
            self._quotes.add(quotes, numbers)

    def on_trades(self, trades: TradeBatch) -> SignedTrades:
        """Take in trades and return those that are signed for good.

        Parameters
        ----------
        trades : TradeBatch
            In order of arrival.

        Returns
        -------
        SignedTrades
            Without the reverse tick the trades of this batch, else also older ones and not all of these.
        """
        numbers = self._numbers(trades.contracts)
        n_places = len(self._contracts) + 1
        config, (excluded, no_tick) = self._config, self._masks
        prints = self._prints.survey(trades, numbers, n_places, excluded=excluded, no_tick=no_tick)
        met = MetQuotes.none(trades)
        if self._steps & QUOTE_STEPS:
            self._quotes.grow(n_places)
            lag_ns, max_age_ns = config.quote_lag_ns, config.max_quote_age_ns
            met = self._quotes.match(trades, numbers, prints.status, lag_ns=lag_ns, max_age_ns=max_age_ns)
        signed = _signed(trades, prints, met, self._tally["trades"], self._steps, config, self._table)
        self._count(signed)
        if self._steps & _REVERSE:
            self._chains.grow(n_places)
            signed = self._settle(signed, prints.moves)
        self._tally["unsigned"] += int(signed.n_trades - np.count_nonzero(signed.aggressor))
        return signed

    def flush(self) -> SignedTrades:
        """Return the trades that still wait for a later price, without a sign.

        Returns
        -------
        SignedTrades
            Empty where nothing waits.
        """
        held, self._held = self._held, None
        self._chains.drop()
        if held is None:
            return _select(None, np.zeros(0, dtype=np.int64))
        self._tally["unsigned"] += held.n_trades
        return replace(held, status=held.status | np.uint16(SigningStatus.UNRESOLVED))

    def _numbers(self, table: ContractTable) -> Int64Array:
        if self._seen[0] is not table:
            self._seen = table, _places(self._contracts, table)
        return self._seen[1]

    def _count(self, signed: SignedTrades) -> None:
        self._tally["trades"] += signed.n_trades
        met = int(np.bitwise_or.reduce(signed.status))
        for name, flag in _COUNTED:
            if met & flag:
                self._tally[name] += int(np.count_nonzero(signed.status & flag))

    def _settle(self, fresh: SignedTrades, fresh_moves: BoolArray) -> SignedTrades:
        """Put the new trades behind those that wait; return what is signed for good and keep the rest."""
        block, moves, start = fresh, fresh_moves, 0
        if self._held is not None:
            start = self._held.n_trades
            block = _append(self._held, fresh)
            moves = np.concatenate((np.ones(start, dtype=np.bool_), fresh_moves))
        block, waiting = _reverse(self._chains, block, moves, start, self._table)
        self._chains.keep(waiting)
        self._held = _select(block, np.flatnonzero(waiting)) if waiting.any() else None
        return _select(block, np.flatnonzero(~waiting))


def sign_trades(
    trades: TradeBatch, quotes: QuoteBatch, config: SigningConfig, contracts: ContractIndex | None = None
) -> SignedTrades:
    """Sign a whole history.

    Parameters
    ----------
    trades, quotes : TradeBatch, QuoteBatch
        Each in order of arrival; the two may have different contract tables.
    config : SigningConfig
        Settings; `max_held_quotes` does not matter here.
    contracts : ContractIndex, optional
        The numbering to use; by default a new one, in which the contracts of `trades` come first.

    Returns
    -------
    SignedTrades
        One row a trade, in order of arrival.

    Notes
    -----
    No trade sees anything that is not older than its own instant less the lag, except for the reverse tick, which asks
    for the next different price. Trades of one instant keep their order of arrival, which only the tick steps feel;
    of the quotes of one instant, contract and venue the last stands.
    """
    index = ContractIndex() if contracts is None else contracts
    numbers = _places(index, trades.contracts)
    quote_numbers = _places(index, quotes.contracts)
    n_places = len(index) + 1
    steps, table = steps_of(config.rule, prefer_venue=config.prefer_venue), probability_table(config)
    memory = PrintMemory(config.duplicate_window)
    prints = memory.survey(trades, numbers, n_places, excluded=int(config.excluded), no_tick=int(config.no_tick))
    met = MetQuotes.none(trades)
    if steps & QUOTE_STEPS:
        met = match_history(
            trades, quotes, (numbers, quote_numbers), prints.status,
            lag_ns=config.quote_lag_ns, max_age_ns=config.max_quote_age_ns,
            with_exchange=bool(steps & EXCHANGE_STEPS), with_sizes=bool(steps & SIZE_STEPS),
        )  # fmt: skip
    signed = _signed(trades, prints, met, 0, steps, config, table)
    if not steps & _REVERSE:
        return signed
    chains = WaitingTrades(config.max_waiting)
    chains.grow(n_places)
    signed, waiting = _reverse(chains, signed, prints.moves, 0, table)
    signed.status[waiting] |= np.uint16(SigningStatus.UNRESOLVED)
    return signed


def _places(index: ContractIndex, table: ContractTable) -> Int64Array:
    """Return the place of contract c of a table at c + 1: 0 for the underlying, else its number + 1."""
    return np.concatenate((np.zeros(1, dtype=np.int64), index.register(table) + 1))


def _signed(
    trades: TradeBatch,
    prints: Prints,
    met: MetQuotes,
    first_row: int,
    steps: int,
    config: SigningConfig,
    table: FloatArray,
) -> SignedTrades:
    n = trades.n_trades
    sign, source, probability = np.empty(n, dtype=np.int8), np.empty(n, dtype=np.uint8), np.empty(n)
    price, size = as_column(trades.price, np.float64), as_column(trades.size, np.float64)
    decide(
        steps, config.outer_share, price, size, as_column(trades.aggressor, np.int8), prints.blocked, prints.flags,
        *met, prints.tick, table, sign, source, probability,
    )  # fmt: skip
    return SignedTrades(
        row=np.arange(first_row, first_row + n),
        contract=prints.contract,
        ts_ns=trades.ts_ns,
        price=price,
        size=size,
        flags=prints.flags,
        aggressor=sign,
        probability=probability,
        source=source,
        status=prints.status,
    )


def _reverse(
    chains: WaitingTrades, block: SignedTrades, moves: BoolArray, start: int, table: FloatArray
) -> tuple[SignedTrades, BoolArray]:
    """Return the block with the reverse ticks that are known, and which rows still wait; given up ones are marked."""
    place = block.contract.astype(np.int64) + 1
    asks = (block.aggressor == 0) & moves
    sign, waiting = chains.settle(place, block.price, moves, asks, start)
    signed = sign != 0
    code = int(SigningStep.REVERSE_TICK)
    status = block.status.copy()
    status[asks & ~signed & ~waiting] |= np.uint16(SigningStatus.UNRESOLVED)
    return replace(
        block,
        aggressor=np.where(signed, sign, block.aggressor),
        source=np.where(signed, np.uint8(code), block.source),
        probability=np.where(signed, table[(code << 8) + block.flags.astype(np.int64)], block.probability),
        status=status,
    ), waiting


def _select(signed: SignedTrades | None, rows: Int64Array) -> SignedTrades:
    """Return some of the trades; of nothing, none."""
    if signed is None:
        columns = (np.int64, np.int32, np.int64, float, float, np.uint8, np.int8, float, np.uint8, np.uint16)
        return SignedTrades(**{name: np.zeros(0, dtype=kind) for name, kind in zip(_NAMES, columns, strict=True)})
    return SignedTrades(**{name: getattr(signed, name)[rows] for name in _NAMES})


def _append(first: SignedTrades, second: SignedTrades) -> SignedTrades:
    return SignedTrades(**{name: np.concatenate((getattr(first, name), getattr(second, name))) for name in _NAMES})
