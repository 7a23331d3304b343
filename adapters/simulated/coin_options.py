"""A simulated exchange of coins that never closes: perpetuals, options with a smile, customers and their dealers."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from adapters.simulated.agents import draw_fills, first_positions, preferences
from adapters.simulated.coin_board import CoinBoard, kept_places, list_options, option_quotes, value_options
from adapters.simulated.coin_config import CoinMarketConfig, SimulatedCoin
from adapters.simulated.coin_tape import (
    OptionFigures,
    Stamp,
    book_around,
    option_chain,
    option_trades,
    perpetual_trades,
    top_quote,
)
from adapters.simulated.emission import SOURCE, provenance_of
from adapters.simulated.perpetual import PerpetualState, PerpetualTruth, SimulatedPerpetuals, table_of
from adapters.simulated.state import open_interest_of
from adapters.simulated.truth import Settlement
from adapters.simulated.valuation import Valuation
from market.bars import BarBatch
from market.books import BookSnapshot
from market.chains import FloatArray, OptionChain
from market.funding import FundingBatch
from market.trades import QuoteBatch, TradeBatch

__all__ = ["CoinCheckpoint", "CoinTruth", "SimulatedCoins"]

_DAY_NS: Final = 86_400 * 10**9
_ROLL_NS: Final = _DAY_NS // 3  # 08:00 UTC
_DAY_S: Final = 86_400.0
_YEAR_S: Final = 365.0 * _DAY_S
_HISTORY_STEP_S: Final = 60.0
_COINS_QUOTED: Final = 4.0
_DIGITS: Final = 8


@dataclass(slots=True, kw_only=True)
class _CoinState:
    """What a step changes of one coin; arrays are replaced and never written to, so that a copy may share them."""

    rng: np.random.Generator
    board: CoinBoard
    value: Valuation
    shown: OptionFigures
    customers: NDArray[np.int64]  # (5, n_contracts), lots
    quote: QuoteBatch
    book: BookSnapshot
    trades: tuple[TradeBatch, ...] = ()
    settlements: tuple[Settlement, ...] = ()
    n_perpetual_trades: int = 0
    n_option_trades: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinCheckpoint:
    """A state of the whole market, for `SimulatedCoins.restore`."""

    perpetuals: PerpetualState
    coins: tuple[_CoinState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinTruth:
    """What stands behind one coin's newest chain; arrays are aligned with it.

    Parameters
    ----------
    index, mark : float
        Unrounded prices of index and perpetual, USD.
    volatility : float
        Instantaneous volatility of the index, annualised over 365 days.
    implied_vol, price, delta, gamma : ndarray, shape (n_contracts,)
        Value around which the dealers quote, USD per coin, and its derivatives in the index while the variance stays.
    dealer_position : ndarray, shape (n_contracts,)
        Signed contracts.
    customer_position : ndarray, shape (5, n_contracts)
        Signed contracts of each `CustomerGroup`; with the dealers' they sum to 0.
    dealer_gamma_usd : float
        ``sum(position x multiplier x gamma) x index^2``.
    """

    index: float
    mark: float
    volatility: float
    implied_vol: FloatArray
    price: FloatArray
    delta: FloatArray
    gamma: FloatArray
    dealer_position: FloatArray
    customer_position: FloatArray
    dealer_gamma_usd: float


@final
class SimulatedCoins:
    """A market of coins whose chains look like an exchange's and whose truth can be asked for.

    Parameters
    ----------
    config : CoinMarketConfig
        Coins, seed and clock.
    """

    def __init__(self, config: CoinMarketConfig) -> None:
        self._config = config
        self._provenance = provenance_of(config.seed)
        self._tables = tuple(table_of([coin.perpetual]) for coin in config.coins)
        self._perpetuals = SimulatedPerpetuals(config.perpetuals(start_ns=config.start_ns, step_s=config.step_s))
        self.history: tuple[BarBatch | FundingBatch, ...] = self._lived() if config.history_s else ()
        """Bars and paid funding of the perpetuals before the start, in order of time; only where it is asked for."""
        seeds = np.random.SeedSequence(config.seed).spawn(len(config.coins))
        rngs = [np.random.default_rng(seed) for seed in seeds]
        self._coins = tuple(self._opened(place, rng) for place, rng in enumerate(rngs))

    @property
    def names(self) -> tuple[str, ...]:
        """The coins."""
        return tuple(coin.symbol for coin in self._config.coins)

    @property
    def sequence(self) -> int:
        """Number of the current batch: 0 before the first step."""
        return self._perpetuals.sequence

    @property
    def now_ns(self) -> int:
        """Instant, ns since the epoch, UTC."""
        return self._perpetuals.now_ns

    @property
    def has_rolled(self) -> bool:
        """Whether it is 08:00 UTC: what has ended is settled, and others are listed."""
        return self.now_ns % _DAY_NS == _ROLL_NS

    @property
    def settlements(self) -> tuple[Settlement, ...]:
        """What settled in the latest step, on the index at its end."""
        return tuple(item for state in self._coins for item in state.settlements)

    def checkpoint(self) -> CoinCheckpoint:
        """Return a copy of the state, from which `restore` continues identically."""
        return CoinCheckpoint(perpetuals=self._perpetuals.checkpoint(), coins=tuple(map(_copied, self._coins)))

    def restore(self, state: CoinCheckpoint) -> None:
        """Continue from a checkpoint, which stays usable."""
        self._perpetuals.restore(state.perpetuals)
        self._coins = tuple(map(_copied, state.coins))

    def step(self) -> None:
        """Trade at the quotes that stand, move the prices, quote anew; a step ends at every 08:00 UTC."""
        since_ns = self.now_ns
        before = [self._perpetuals.truth(coin.perpetual.symbol).mark for coin in self._config.coins]
        self._perpetuals.step()
        stamp, best = self._stamp(since_ns), self._perpetuals.quotes()
        for place, state in enumerate(self._coins):
            state.trades = tuple(
                batch
                for batch in (self._trade_perpetual(place, before[place], stamp), self._trade_options(place, stamp))
                if batch is not None
            )
            state.settlements = ()
            if self.has_rolled:
                self._roll(place)
            self._requote(place, best[place], stamp)

    def chains(self) -> tuple[OptionChain, ...]:
        """Return the chain of every coin, with open interest as it stands now."""
        stamp = self._stamp(self.now_ns)
        return tuple(
            option_chain(coin, state.board, state.value, state.shown, stamp, self._truth_of(coin).index)
            for coin, state in zip(self._config.coins, self._coins, strict=True)
        )

    def quotes(self) -> tuple[QuoteBatch, ...]:
        """Return the best quote of every perpetual, under its coin's name."""
        return tuple(state.quote for state in self._coins)

    def books(self) -> tuple[BookSnapshot, ...]:
        """Return the book of every perpetual."""
        return tuple(state.book for state in self._coins)

    def trades(self) -> tuple[TradeBatch, ...]:
        """Return the trades of the latest step, of perpetuals and options apart, each with its aggressor."""
        return tuple(batch for state in self._coins for batch in state.trades)

    def bars(self) -> tuple[BarBatch, ...]:
        """Return the bar of every perpetual over the latest step; nothing before the first."""
        return self._perpetuals.bars()

    def funding(self) -> tuple[FundingBatch, ...]:
        """Return each perpetual's forecast of its next rate, and before it the rate paid now, where one was."""
        return self._perpetuals.funding()

    def truth(self, symbol: str) -> CoinTruth:
        """Return what stands behind one of `names`."""
        place = self.names.index(symbol)
        coin, state = self._config.coins[place], self._coins[place]
        known = self._truth_of(coin)
        customers: FloatArray = np.round(state.customers * coin.lot, _DIGITS)
        dealers: FloatArray = np.round(-state.customers.sum(axis=0) * coin.lot, _DIGITS)
        gamma = float((dealers * state.value.gamma).sum()) * coin.product.multiplier * known.index**2
        return CoinTruth(
            index=known.index,
            mark=known.mark,
            volatility=known.volatility,
            implied_vol=np.repeat(state.value.volatility, 2),
            price=state.value.price.copy(),
            delta=state.value.delta.copy(),
            gamma=state.value.gamma.copy(),
            dealer_position=dealers,
            customer_position=customers,
            dealer_gamma_usd=gamma,
        )

    def _stamp(self, since_ns: int) -> Stamp:
        cause = f"{SOURCE}/coins/{self._config.seed}/{self.sequence}"
        return Stamp(since_ns=since_ns, now_ns=self.now_ns, cause_id=cause, provenance=self._provenance)

    def _truth_of(self, coin: SimulatedCoin) -> PerpetualTruth:
        return self._perpetuals.truth(coin.perpetual.symbol)

    def _lived(self) -> tuple[BarBatch | FundingBatch, ...]:
        """Let the perpetuals trade up to the start, and go on from there."""
        config = self._config
        first_ns = config.start_ns - round(config.history_s * 1e9)
        past = SimulatedPerpetuals(config.perpetuals(start_ns=first_ns, step_s=_HISTORY_STEP_S))
        told: list[BarBatch | FundingBatch] = []
        while past.now_ns < config.start_ns:
            past.step()
            told += past.bars()
            told += [item for item in past.funding() if item.is_settled[0]]
        self._perpetuals.restore(replace(past.checkpoint(), sequence=0))
        return tuple(told)

    def _opened(self, place: int, rng: np.random.Generator) -> _CoinState:
        coin, known = self._config.coins[place], self._truth_of(self._config.coins[place])
        board = list_options(coin, now_ns=self.now_ns, index=known.index, held={})
        value = self._values(place, board)
        wanted = np.array(coin.customers.weights)[:, None] * coin.open_interest / coin.lot
        lots = np.full(board.series_of.size, coin.lot_mean)
        customers = first_positions(preferences(board, value, wanted), lots, rng)
        stamp = self._stamp(self.now_ns)
        book = book_around(coin, self._perpetuals.quotes()[place], stamp, rng)
        bid, ask = option_quotes(coin, board, value)
        return _CoinState(
            rng=rng,
            board=board,
            value=value,
            shown=OptionFigures(
                bid=bid,
                ask=ask,
                **_sizes(coin, board, rng),
                open_interest=_interest(coin, customers),
                volume=np.zeros(board.n_contracts),
                last=np.full(board.n_contracts, np.nan),
            ),
            customers=customers,
            quote=top_quote(coin, book, stamp),
            book=book,
        )

    def _values(self, place: int, board: CoinBoard) -> Valuation:
        coin = self._config.coins[place]
        known, table = self._truth_of(coin), self._tables[place]
        variance = known.volatility**2
        return value_options(coin, board, table, now_ns=self.now_ns, index=known.index, variance=variance)

    def _trade_perpetual(self, place: int, before: float, stamp: Stamp) -> TradeBatch | None:
        coin, state = self._config.coins[place], self._coins[place]
        known, bar = self._truth_of(coin), self._perpetuals.bars()[place]
        seconds = (stamp.now_ns - stamp.since_ns) / 1e9
        found = perpetual_trades(
            coin,
            round(float(bar.volume[0]) / coin.perpetual.contract_size),
            state.quote,
            stamp,
            surprise=math.log(known.mark / before) / (known.volatility * math.sqrt(seconds / _YEAR_S)),
            first_id=state.n_perpetual_trades + 1,
            rng=state.rng,
        )
        state.n_perpetual_trades += 0 if found is None else found.n_trades
        return found

    def _trade_options(self, place: int, stamp: Stamp) -> TradeBatch | None:
        """Let customers trade with the dealers at the quotes that stand; open interest changes with each trade."""
        coin, state = self._config.coins[place], self._coins[place]
        expected = coin.trades_per_day * (stamp.now_ns - stamp.since_ns) / _DAY_NS
        fills = draw_fills(
            preferences(state.board, state.value, np.array(coin.customers.weights)[:, None] * expected),
            positions=state.customers,
            bid=state.shown.bid,
            lot_mean=np.full(state.board.n_contracts, coin.lot_mean),
            rng=state.rng,
        )
        found = option_trades(
            coin, state.board, fills, state.shown, stamp, n_before=state.n_option_trades, rng=state.rng
        )
        if found is None:
            return None
        state.n_option_trades += found.n_trades
        state.customers = state.customers.copy()
        state.customers[fills.group, fills.contract] += fills.change
        volume, last = state.shown.volume.copy(), state.shown.last.copy()
        np.add.at(volume, found.contract, found.size)
        last[found.contract] = found.price  # the last in time stays
        state.shown = replace(state.shown, volume=np.round(volume, _DIGITS), last=last)
        return found

    def _roll(self, place: int) -> None:
        """Settle what ends now on the index, and list what comes after it."""
        coin, state, old = self._config.coins[place], self._coins[place], self._coins[place].board
        index = self._truth_of(coin).index
        state.settlements = _settled(coin, state, self.now_ns, index)
        board = list_options(coin, now_ns=self.now_ns, index=index, held=_held(state))
        source, target = kept_places(old, board)
        customers = np.zeros((state.customers.shape[0], board.n_contracts), dtype=np.int64)
        last = np.full(board.n_contracts, np.nan)
        customers[:, target], last[target] = state.customers[:, source], state.shown.last[source]
        empty = np.zeros(board.n_contracts)
        state.board, state.customers = board, customers
        state.shown = OptionFigures(
            bid=empty, ask=empty, open_interest=empty, volume=empty, last=last, **_sizes(coin, board, state.rng)
        )

    def _requote(self, place: int, best: QuoteBatch, stamp: Stamp) -> None:
        coin, state = self._config.coins[place], self._coins[place]
        state.value = self._values(place, state.board)
        bid, ask = option_quotes(coin, state.board, state.value)
        state.shown = replace(state.shown, bid=bid, ask=ask, open_interest=_interest(coin, state.customers))
        state.book = book_around(coin, best, stamp, state.rng)
        state.quote = top_quote(coin, state.book, stamp)


def _copied(state: _CoinState) -> _CoinState:
    return replace(state, rng=copy.deepcopy(state.rng))


def _interest(coin: SimulatedCoin, customers: NDArray[np.int64]) -> FloatArray:
    return np.round(open_interest_of(customers, -customers.sum(axis=0)) * coin.lot, _DIGITS)


def _sizes(coin: SimulatedCoin, board: CoinBoard, rng: np.random.Generator) -> dict[str, FloatArray]:
    mean = np.repeat(_COINS_QUOTED / coin.lot * board.roundness, 2)
    return {name: np.round(coin.lot * (1 + rng.poisson(mean)), _DIGITS) for name in ("bid_size", "ask_size")}


def _held(state: _CoinState) -> dict[date, FloatArray]:
    """Return by expiration the strikes in which anybody holds anything."""
    board = state.board
    held = state.customers.any(axis=0).reshape(-1, 2).any(axis=1)
    strike = board.table.strike[::2]
    return {series.expiration: strike[held & (board.series_of == place)] for place, series in enumerate(board.series)}


def _settled(coin: SimulatedCoin, state: _CoinState, now_ns: int, index: float) -> tuple[Settlement, ...]:
    table = state.board.table
    dealers = -state.customers.sum(axis=0) * coin.lot
    payoff = np.maximum(np.where(table.is_call, 1.0, -1.0) * (index - table.strike), 0.0)
    found = []
    for place in np.flatnonzero(state.board.expiry_ns <= now_ns).tolist():
        own = table.series_index == place
        found.append(
            Settlement(
                symbol=coin.symbol,
                expiration=state.board.series[place].expiration,
                price=index,
                contracts=float(state.shown.open_interest[own].sum()),
                dealer_payoff_usd=coin.product.multiplier * float((dealers * payoff)[own].sum()),
            )
        )
    return tuple(found)
