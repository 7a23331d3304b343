"""The simulated market: agents, hidden value, hedging dealers and their impact, stepped for all symbols at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import final

import numpy as np

from adapters.simulated.agents import draw_fills, first_positions, preferences
from adapters.simulated.config import SimulatedMarketConfig
from adapters.simulated.dynamics import revalued
from adapters.simulated.emission import ChainWriter
from adapters.simulated.groups import CustomerGroup
from adapters.simulated.listing import Board, build_board, sessions_ahead
from adapters.simulated.movement import Stretch, draw_tidings, move_volatility, opening_volatility
from adapters.simulated.parameters import SymbolArrays, parameters_of
from adapters.simulated.prints import Prints, Quotes, Window, arranged, option_prints, underlying_prints
from adapters.simulated.quotes import quote
from adapters.simulated.spans import Span, session_left, span_of
from adapters.simulated.state import (
    MarketState,
    RandomStreams,
    carry_over,
    listed_strikes,
    open_interest_of,
    parameter,
    settle,
)
from adapters.simulated.tape import TapeWriter, spot_quotes
from adapters.simulated.telling import LOWEST_FEEDBACK, Told, truth_of
from adapters.simulated.truth import MarketTruth, Settlement
from adapters.simulated.valuation import SESSION_SHARE, YEAR_NS, Valuation, sessions_to_expiry, value_strikes
from market.calendars import Session
from market.chains import FloatArray, OptionChain
from market.clock import datetime_of_ns
from market.errors import ConfigError
from market.trades import QuoteBatch, TradeBatch

__all__ = ["SimulatedMarket"]

_SESSIONS_PER_YEAR = 252.0
# The opening auction finds most of the overnight change in value.
_OPENING_SHARE = 0.9
# A print in the underlying without direction has a tenth of the size that moves the price by one deviation.
_TYPICAL_PRINT = 0.1
_LOT, _LOTS_QUOTED = 100.0, 5.0


@final
class SimulatedMarket:
    """A market of many symbols whose chains look like real ones and whose truth can be asked for.

    Parameters
    ----------
    config : SimulatedMarketConfig
        Symbols, seed and clock.

    Notes
    -----
    docs/simulated-market.md states the equations.
    """

    def __init__(self, config: SimulatedMarketConfig) -> None:
        self._config = config
        self._names = tuple(item.symbol for item in config.symbols)
        self._place = {name: place for place, name in enumerate(self._names)}
        self._p = parameters_of(config)
        self.restore(self._first_state())

    @property
    def names(self) -> tuple[str, ...]:
        """The symbols, in the order of the settings."""
        return self._names

    @property
    def sequence(self) -> int:
        """Number of the current batch: 0 before the first step."""
        return self._state.sequence

    @property
    def now_ns(self) -> int:
        """Instant of the current quotes, ns since the epoch, UTC."""
        return self._state.now_ns

    @property
    def settlements(self) -> tuple[Settlement, ...]:
        """What settled at the latest close."""
        return self._state.settlements

    def checkpoint(self) -> MarketState:
        """Return a copy of the state, from which `restore` continues identically."""
        return self._state.copied()

    def restore(self, state: MarketState) -> None:
        """Continue from a checkpoint, which stays usable."""
        self._state = state.copied()
        self._list(state.board)
        self._value_and_quote()

    def step(self) -> None:
        """Move to the next instant: within the session, or over the night to the next open."""
        state, session = self._state, self._state.board.session
        step_ns = round(self._config.step_s * 1e9)
        shape = self._config.seasonality
        if state.now_ns + step_ns < session.close_ns:
            self._pass_step(span_of(session, state.now_ns, step_ns, shape))
        else:
            self._trade_underlying(span_of(session, state.now_ns, session.close_ns - state.now_ns, shape))
            self._pass_night()
        state.sequence += 1

    @property
    def shows_chains(self) -> bool:
        """Whether the newest batch carries whole chains."""
        return (
            self._state.sequence % self._config.chain_every == 0
            or self._state.now_ns == self._state.board.session.open_ns
        )

    def chains(self) -> tuple[OptionChain, ...]:
        """Return the chain of every symbol, without any truth in it."""
        return self._writer.chains(self._state, self._bid, self._ask)

    def quotes(self) -> tuple[QuoteBatch, ...]:
        """Return the quotes that changed in the latest step, which are older than all its option trades."""
        return self._tape.quotes(self._state, self._bid, self._ask)

    def trades(self) -> tuple[TradeBatch, ...]:
        """Return what traded in the latest step, without the aggressor."""
        return self._tape.trades(self._state)

    def truth(self, symbol: str) -> MarketTruth:
        """Return the truth behind a symbol's current chain.

        Parameters
        ----------
        symbol : str
            One of `names`.

        Returns
        -------
        MarketTruth
            Copies; aligned with the current chain.
        """
        if symbol not in self._place:
            raise ConfigError("no such simulated symbol", found=symbol, expected=", ".join(self._names[:5]))
        place = self._place[symbol]
        return truth_of(self._state, self._valuation, self._p, Told(symbol, place, float(self._gamma[place])))

    def _first_state(self) -> MarketState:
        config = self._config
        session, now_ns = _first_session(config)
        spot = parameter(config.symbols, "spot")
        board = build_board(config.symbols, session=session, spot=spot, listed={})
        streams = RandomStreams.of_seed(config.seed)
        self._list(board)
        volatility = opening_volatility(self._p, session.day)
        value = self._values(board, now_ns, spot, volatility)
        wanted = self._p.weights * parameter(config.symbols, "open_interest")
        liked = None if config.tastes is None else config.tastes.holdings
        customers = first_positions(
            preferences(board, value, wanted, liked), self._p.lot_mean[board.symbol_of], streams.trades
        )
        dealers = -customers.sum(axis=0)
        bid_size, ask_size = _sizes(board, streams.sizes)
        state = MarketState(
            sequence=0,
            now_ns=now_ns,
            board=board,
            streams=streams,
            spot=spot,
            value=spot.copy(),
            volatility=volatility,
            shares=np.zeros_like(spot),
            customers=customers,
            dealers=dealers,
            open_interest=open_interest_of(customers, dealers).astype(np.float64),
            volume=np.zeros(board.n_contracts),
            last=np.zeros(board.n_contracts),
            bid_size=bid_size,
            ask_size=ask_size,
            settlements=(),
            quoted_ns=now_ns,
            prints=Prints.none(),
            n_trades=0,
            requoted=np.zeros(0, dtype=np.int64),
            spot_sizes=_spot_sizes(spot.size, streams.prints),
        )
        self._valuation = value
        state.shares = -self._p.hedge_ratio * _portfolio(state, self._p, value.delta)
        return state

    def _list(self, board: Board) -> None:
        symbol_of = np.repeat(board.symbol_of, 2)
        self._tick, self._tick_above_3 = self._p.tick[symbol_of], self._p.tick_above_3[symbol_of]
        self._spread, self._lot_mean = self._p.spread[symbol_of], self._p.lot_mean[symbol_of]
        self._contract_symbol, self._contract_series = symbol_of, np.repeat(board.series_of, 2)
        scenario = "" if self._config.scenario is None else self._config.scenario.name
        self._writer = ChainWriter(board, self._names, seed=self._config.seed, scenario=scenario)
        self._tape = TapeWriter(board, self._names, seed=self._config.seed, scenario=scenario)

    def _values(self, board: Board, now_ns: int, spot: FloatArray, volatility: FloatArray) -> Valuation:
        left = session_left(board.session, now_ns, self._config.seasonality)
        variance_time = sessions_to_expiry(left, board.sessions_left)
        value = value_strikes(
            spot=spot[board.symbol_of_series],
            volatility=volatility[board.symbol_of_series],
            tau=(board.expiry_ns - now_ns) / YEAR_NS,
            variance_time=variance_time,
            smile=board.smile,
            rates=board.rates,
            strike=board.strike,
            log_strike=board.log_strike,
            series_of=board.series_of,
        )
        if self._p.dynamics is None:
            return value
        return revalued(value, self._p.dynamics, board, spot=spot, volatility=volatility, variance_time=variance_time)

    def _value_and_quote(self) -> None:
        state, shape = self._state, self._config.seasonality
        spread = self._spread
        if shape is not None:
            opened, closes = state.board.session.open_ns, state.board.session.close_ns
            spread = spread * shape.spread.weight((state.now_ns - opened) / (closes - opened))
        value = self._values(state.board, state.now_ns, state.spot, state.volatility)
        self._valuation = value
        self._bid, self._ask = quote(
            value,
            spot=state.spot[self._contract_symbol],
            tau=value.tau[self._contract_series],
            tick=self._tick,
            tick_above_3=self._tick_above_3,
            spread=spread,
        )
        self._measure_dealers()

    def _measure_dealers(self) -> None:
        self._delta = _portfolio(self._state, self._p, self._valuation.delta)
        self._gamma = _portfolio(self._state, self._p, self._valuation.gamma)

    def _pass_step(self, span: Span) -> None:
        """Flow moves the underlying, the dealers quote anew at half time, then the customers trade options."""
        state, bid, ask, spot = self._state, self._bid, self._ask, self._state.spot
        flow_usd = self._trade_underlying(span)
        state.now_ns, state.quoted_ns = span.until_ns, span.from_ns + (span.until_ns - span.from_ns) // 2
        self._value_and_quote()
        state.requoted = np.flatnonzero((self._bid != bid) | (self._ask != ask))
        state.spot_sizes = _spot_sizes(spot.size, state.streams.prints)
        deviation = state.volatility * np.sqrt(SESSION_SHARE * span.variance / _SESSIONS_PER_YEAR)
        typical = _TYPICAL_PRINT * deviation / (self._p.impact * spot)
        window = Window(after_ns=span.from_ns, until_ns=state.quoted_ns - 1)
        mix = self._config.prints
        if self._config.seasonality is not None:
            mix = replace(mix, underlying_per_step=mix.underlying_per_step * span.brisk)
        underlying = underlying_prints(flow_usd / spot, typical, spot_quotes(spot), window, mix, state.streams.prints)
        state.prints = arranged(underlying, self._trade_options(span))
        state.n_trades += state.prints.symbol.size
        printed = state.prints.contract >= 0
        state.last[state.prints.contract[printed]] = state.prints.price[printed]  # the last in time stays

    def _trade_underlying(self, span: Span) -> FloatArray:
        state, p = self._state, self._p
        years = SESSION_SHARE * span.variance / _SESSIONS_PER_YEAR
        deviation = state.volatility * np.sqrt(years)
        tidings = draw_tidings(state, p, Stretch(years=years, from_ns=span.from_ns, until_ns=span.until_ns))
        news = tidings.news
        state.value = state.value * np.exp(news)
        told = p.news_share * news
        speed = -np.expm1(-np.log(2.0) * span.seconds / p.half_life_s)
        informed = speed * (np.log(state.value / state.spot) - told)
        noise = p.noise_share * deviation * state.streams.noise.standard_normal(state.spot.size)
        # The hedge and the price that it moves are found together: the return includes the hedge's own impact.
        feedback = np.maximum(p.hedge_ratio * p.impact * self._gamma * state.spot**2, LOWEST_FEEDBACK)
        residual_usd = (p.hedge_ratio * self._delta + state.shares) * state.spot
        change = (told + informed + noise - p.impact * residual_usd) / (1.0 + feedback)
        state.shares = state.shares - (residual_usd + feedback / p.impact * change) / state.spot
        state.spot = state.spot * np.exp(change)
        move_volatility(state, p, change, years, tidings)
        flow_usd: FloatArray = (change - told) / p.impact
        return flow_usd

    def _trade_options(self, span: Span) -> Prints:
        state, p = self._state, self._p
        rate = p.weights * p.trades * span.trading
        tastes = self._config.tastes
        wanted = preferences(state.board, self._valuation, rate, None if tastes is None else tastes.trades)
        if p.scenario is not None and p.scenario.day == state.board.session.day:
            minute = (span.from_ns - state.board.session.open_ns) / 60e9
            same_day = state.board.sessions_left[state.board.series_of] == 0
            wanted *= p.scenario.flow(minute, same_day)[:, :, None]
        fills = draw_fills(
            wanted,
            positions=state.customers,
            bid=self._bid,
            lot_mean=self._lot_mean,
            rng=state.streams.trades,
        )
        state.customers[fills.group, fills.contract] += fills.change
        np.subtract.at(state.dealers, fills.contract, fills.change)
        np.add.at(state.volume, fills.contract, fills.size)
        self._measure_dealers()
        return option_prints(
            fills.print_contract,
            fills.print_size,
            fills.print_is_buy,
            symbol=self._contract_symbol[fills.print_contract],
            quotes=Quotes(bid=self._bid, ask=self._ask),
            window=Window(after_ns=state.quoted_ns, until_ns=state.now_ns),
            mix=self._config.prints,
            rng=state.streams.prints,
        )

    def _pass_night(self) -> None:
        state, p, old = self._state, self._p, self._state.board
        state.settlements = settle(state, p.multiplier, self._names)
        listed = listed_strikes(state)
        interest = open_interest_of(state.customers, state.dealers)
        years = (1.0 - SESSION_SHARE) / _SESSIONS_PER_YEAR
        tidings = draw_tidings(state, p, Stretch(years=years, from_ns=state.now_ns, until_ns=state.now_ns))
        state.value = state.value * np.exp(tidings.news)
        change = _OPENING_SHARE * np.log(state.value / state.spot)
        state.spot = state.spot * np.exp(change)
        move_volatility(state, p, change, years, tidings)
        session = sessions_ahead(old.session.day, 1)[1]
        board = build_board(self._config.symbols, session=session, spot=state.spot, listed=listed)
        self._move_books(board, interest.astype(np.float64))
        state.now_ns = state.quoted_ns = session.open_ns
        # The last trades of the day print nowhere: no batch lies between them and the next open.
        state.prints, state.requoted = Prints.none(), np.zeros(0, dtype=np.int64)
        state.spot_sizes = _spot_sizes(state.spot.size, state.streams.prints)
        self._list(board)
        self._value_and_quote()
        # The hedge of what expired was unwound at the settlement price, and the rest is set in the auction.
        state.shares = -p.hedge_ratio * self._delta

    def _move_books(self, board: Board, interest: FloatArray) -> None:
        state = self._state
        source, target = carry_over(state.board, board)
        customers = np.zeros((len(CustomerGroup), board.n_contracts), dtype=np.int64)
        customers[:, target] = state.customers[:, source]
        last, published = np.zeros(board.n_contracts), np.zeros(board.n_contracts)
        last[target], published[target] = state.last[source], interest[source]
        state.customers, state.dealers = customers, -customers.sum(axis=0)
        state.last, state.open_interest = last, published
        state.volume = np.zeros(board.n_contracts)
        state.bid_size, state.ask_size = _sizes(board, state.streams.sizes)
        state.board = board


def _portfolio(state: MarketState, p: SymbolArrays, per_unit: FloatArray) -> FloatArray:
    return p.multiplier * np.add.reduceat(state.dealers * per_unit, 2 * state.board.strike_bounds[:-1])


def _sizes(board: Board, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    mean = np.repeat(10.0 * board.roundness, 2)
    return 1.0 + rng.poisson(mean).astype(np.float64), 1.0 + rng.poisson(mean).astype(np.float64)


def _spot_sizes(n_symbols: int, rng: np.random.Generator) -> FloatArray:
    sizes: FloatArray = _LOT * (1.0 + rng.poisson(_LOTS_QUOTED, (2, n_symbols)).astype(np.float64))
    return sizes


def _first_session(config: SimulatedMarketConfig) -> tuple[Session, int]:
    # A day earlier: late in the evening the date in UTC is the next one of the exchange.
    day = datetime_of_ns(config.start_ns).date() - timedelta(days=1)
    session = next(s for s in sessions_ahead(day, 1) if s.close_ns > config.start_ns)
    return session, max(config.start_ns, session.open_ns)
