"""One minute's rows in, one record out; what a session carries from minute to minute lives here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from fields.flow.config import FlowConfig
from fields.flow.features import FLOW_FEATURES, REASON_TEXT, FlowColumn, FlowReason
from fields.flow.history import FlowHistory
from fields.flow.kernels import (
    BOOK_WIDTH,
    QUOTE_CARRY,
    TradeCarry,
    ValueSum,
    value_options,
    walk_quotes,
    walk_trades,
)
from fields.flow.messages import FieldLevels, FlowMinute, GreeksTable
from fields.flow.windows import impact_slope, percentile_of, window_vwap
from market.chains import FloatArray
from market.errors import DataError
from market.trades import Int64Array

__all__ = ["MinuteEngine", "MinuteRows"]

_C = FlowColumn
_S = ValueSum
_Codes = NDArray[np.uint8]

# Columns whose absence has one cause.
_FLOW = (
    _C.NET_GAMMA_FLOW_USD_PER_PCT,
    _C.GAMMA_FLOW_SE_USD_PER_PCT,
    _C.NET_DELTA_FLOW_USD,
    _C.DELTA_FLOW_SE_USD,
    _C.GAMMA_SENTIMENT_RATIO,
    _C.LEGACY_NET_GAMMA_FLOW_USD_PER_USD,
)
_INVENTORY = (
    _C.INVENTORY_GAMMA_USD_PER_PCT,
    _C.INVENTORY_GAMMA_SE_USD_PER_PCT,
    _C.INVENTORY_DELTA_USD,
    _C.INVENTORY_DELTA_SE_USD,
)
_CENTROIDS = (
    _C.GAMMA_WEIGHTED_STRIKE,
    _C.DELTA_WEIGHTED_STRIKE,
    _C.DIST_TO_GAMMA_WEIGHTED_STRIKE,
    _C.DIST_TO_DELTA_WEIGHTED_STRIKE,
)
_LEVELS = {
    _C.DIST_TO_ZERO_GAMMA: "zero_gamma",
    _C.DIST_TO_ZERO_DELTA: "zero_delta",
    _C.DIST_TO_POSITIVE_WALL: "positive_wall",
    _C.DIST_TO_NEGATIVE_WALL: "negative_wall",
}
_NEED_TRADE = (
    _C.PRICE,
    _C.CVD_SIGNED_SHARE,
    _C.CVD_KNOWN_SHARE,
    _C.MINUTE_VWAP,
    _C.VWAP_DAY,
    _C.VWAP_STD,
    _C.VWAP_WINDOW,
    _C.ANCHORED_VWAP_Z,
    _C.VWAP_DEVIATION,
    _C.VWAP_BAND,
    _C.VWAP_DIVERGENCE,
)
_STANDING = (_C.MID, _C.SPREAD, _C.SPREAD_CHANGE, _C.SPREAD_PERCENTILE)
_OVER_MINUTE = (_C.SPREAD_TIME_WEIGHTED, _C.DEPTH, _C.ORDER_FLOW_IMBALANCE, _C.OFI_PER_DEPTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteRows:
    """The rows of one minute in order of event time; rows of one instant in order of arrival.

    Parameters
    ----------
    options : ndarray, shape (n_option_trades, 6)
        Number, price, size, expected sign, call (1) or put (0), multiplier.
    trade_ns, quote_ns : ndarray of int64
        Instants, ns since the session's open.
    trades : ndarray, shape (n_trades, 3)
        Price, size, expected sign.
    quotes : ndarray, shape (n_quotes, 4)
        Bid, ask, bid size, ask size.
    """

    options: FloatArray
    trade_ns: Int64Array
    trades: FloatArray
    quote_ns: Int64Array
    quotes: FloatArray


@final
class MinuteEngine:
    """Turns the rows of each minute of a session into its record.

    Parameters
    ----------
    config : FlowConfig
        Settings.
    """

    def __init__(self, config: FlowConfig) -> None:
        self.config = config
        self.history = FlowHistory(config.history_minutes)
        self.book = np.zeros((0, BOOK_WIDTH))
        self.trade_carry = np.zeros(len(TradeCarry))
        self.quote_carry = np.zeros(QUOTE_CARRY)
        # Calls and puts in contracts and in premium, and the running sum of the legacy gamma flow.
        self.option_carry = np.zeros(5)
        self.reset()

    def reset(self) -> None:
        """Begin a session: nothing but the settings lives on."""
        self.history.clear()
        self.book[:] = 0.0
        self.trade_carry[:] = 0.0
        self.trade_carry[[TradeCarry.REFERENCE, TradeCarry.PRICE]] = np.nan
        self.quote_carry[:] = 0.0
        self.quote_carry[5] = -1.0  # no quote yet
        self.option_carry[:] = 0.0

    def close(
        self,
        minute_end_ns: int,
        start_ns: int,
        end_ns: int,
        rows: MinuteRows,
        greeks: GreeksTable | None,
        levels: FieldLevels,
    ) -> FlowMinute:
        """Return the record of a minute and keep it.

        Parameters
        ----------
        minute_end_ns : int
            End of the minute, ns since the epoch, UTC.
        start_ns, end_ns : int
            Start and end of the minute, ns since the session's open.
        rows : MinuteRows
            What came in it.
        greeks : GreeksTable or None
            Contracts as of the end.
        levels : FieldLevels
            Levels as of the end.

        Returns
        -------
        FlowMinute
            The record.
        """
        row = np.full(len(FLOW_FEATURES), np.nan)
        codes = np.zeros(len(FLOW_FEATURES), dtype=np.uint8)
        self._trade(rows, row)
        walk_quotes(rows.quote_ns, rows.quotes, start_ns, end_ns, self.config.quote_max_age_ns, self.quote_carry, row)
        self._count_options(rows.options, row, codes)
        self._value_options(rows.options, greeks, row, codes)
        _place_levels(levels, row, codes)
        self._trades_over_minutes(row, codes)
        self._quotes_over_minutes(row, codes)
        too_large = np.isinf(row)
        row[too_large], codes[too_large] = np.nan, FlowReason.OVERFLOW
        self.history.append(minute_end_ns, row, codes)
        row.flags.writeable = False
        return FlowMinute(minute_end_ns=minute_end_ns, values=row, reasons=_sentences(codes, levels))

    def _trade(self, rows: MinuteRows, row: FloatArray) -> None:
        carry = self.trade_carry
        before = float(carry[TradeCarry.PRICE])
        sums = np.zeros(7)
        walk_trades(rows.trade_ns, rows.trades, carry, sums)
        volume, moment, net, net_usd, signed, up, down = sums.tolist()
        price = float(carry[TradeCarry.PRICE])
        bar = volume * float(np.sign(price - before)) if volume > 0.0 and not np.isnan(before) else 0.0
        carry[TradeCarry.CVD_BAR] += bar
        reference, total, total_d, total_dd, _, run, cvd, with_side, known, cvd_bar = carry.tolist()
        row[[_C.PRICE, _C.VOLUME, _C.BAR_FLOW_PROXY, _C.CVD_BAR_PROXY]] = price, volume, bar, cvd_bar
        row[[_C.UP_TICKS, _C.DOWN_TICKS, _C.TICK_RUN]] = up, down, run
        if volume == 0.0 or signed > 0.0:
            row[[_C.SIGNED_VOLUME, _C.SIGNED_VOLUME_USD]] = net, net_usd
        if total == 0.0 or with_side > 0.0:
            row[_C.CVD] = cvd
        if total > 0.0:
            row[[_C.CVD_SIGNED_SHARE, _C.CVD_KNOWN_SHARE]] = with_side / total, known / total
            offset = total_d / total
            row[_C.VWAP_DAY] = reference + offset
            row[_C.VWAP_STD] = np.sqrt(max(total_dd / total - offset * offset, 0.0))
        if volume > 0.0:
            row[_C.MINUTE_VWAP] = reference + moment / volume
            row[_C.MINUTE_RETURN] = np.log(price / before)

    def _count_options(self, trades: FloatArray, row: FloatArray, codes: _Codes) -> None:
        size, sign, call = trades[:, 2], trades[:, 3], trades[:, 4]
        premium = trades[:, 1] * size * trades[:, 5]
        now = np.array([size @ call, size @ (1.0 - call), premium @ call, premium @ (1.0 - call)])
        row[[_C.CALL_VOLUME, _C.PUT_VOLUME, _C.CALL_PREMIUM_USD, _C.PUT_PREMIUM_USD]] = now
        row[_C.OPTION_BUY_VOLUME] = size @ (sign > 0.0)
        row[_C.OPTION_SELL_VOLUME] = size @ (sign < 0.0)
        self.option_carry[:4] += now
        calls, puts, call_usd, put_usd = self.option_carry[:4].tolist()
        if calls > 0.0:
            row[_C.PUT_CALL_CONTRACTS], row[_C.PUT_CALL_PREMIUM] = puts / calls, put_usd / call_usd
        if calls + puts > 0.0:
            row[_C.PUT_SHARE_CONTRACTS] = puts / (calls + puts)
            row[_C.PUT_SHARE_PREMIUM] = put_usd / (call_usd + put_usd)
        names = (_C.PUT_CALL_CONTRACTS, _C.PUT_CALL_PREMIUM, _C.PUT_SHARE_CONTRACTS, _C.PUT_SHARE_PREMIUM)
        _mark(row, codes, names, FlowReason.NO_CALLS)

    def _value_options(self, trades: FloatArray, greeks: GreeksTable | None, row: FloatArray, codes: _Codes) -> None:
        table = _NO_TABLE if greeks is None else greeks
        self._make_room(trades, table)
        sums = np.zeros(len(_S))
        columns = (table.number, table.delta, table.gamma, table.multiplier, table.strike, table.open_interest)
        limits = (table.spot, self.config.strike_window, self.config.min_open_interest)
        value_options(trades, *columns, *limits, self.book, sums)
        spot = row[_C.SPOT] = table.spot
        per_usd = 100.0 / spot
        flow, legacy, sentiment = _flow_readings(sums, per_usd)
        row[list(_FLOW[:4])] = flow
        row[_C.GAMMA_SENTIMENT_RATIO] = sentiment
        row[_C.LEGACY_NET_GAMMA_FLOW_USD_PER_USD] = legacy
        self.option_carry[4] += legacy if np.isfinite(legacy) else 0.0
        row[_C.LEGACY_CUMULATIVE_GAMMA_USD_PER_USD] = self.option_carry[4]
        row[_C.FLOW_COVERAGE] = sums[_S.VALUED] / sums[_S.SELECTED] if sums[_S.SELECTED] > 0.0 else np.nan
        row[list(_INVENTORY)], row[_C.INVENTORY_COVERAGE] = _inventory_readings(sums)
        weights, moments = sums[[_S.WEIGHT_G, _S.WEIGHT_D]], sums[[_S.STRIKE_G, _S.STRIKE_D]]
        if (weights > 0.0).all() and np.isfinite(weights + moments).all():
            centroids = moments / weights
            row[list(_CENTROIDS)] = np.concatenate((centroids, spot - centroids))
        _mark(row, codes, (_C.SPOT,), FlowReason.NO_SPOT)
        _mark(row, codes, _CENTROIDS, FlowReason.NO_OPEN_INTEREST)
        _mark(row, codes, _FLOW, FlowReason.UNSIGNED if sums[_S.VALUED] > 0.0 else FlowReason.NO_GREEKS)
        _mark(row, codes, (_C.FLOW_COVERAGE,), FlowReason.NO_OPTION_TRADE)
        _mark(row, codes, _INVENTORY, FlowReason.NO_GREEKS)
        _mark(row, codes, (_C.INVENTORY_COVERAGE,), FlowReason.NO_INVENTORY)

    def _make_room(self, trades: FloatArray, table: GreeksTable) -> None:
        needed = 1 + max(int(trades[:, 0].max(initial=-1.0)), int(table.number.max(initial=-1)))
        if needed > self.config.contract_limit:
            raise DataError(
                "a contract number is beyond the limit of flow",
                found=str(needed - 1),
                expected=f"below {self.config.contract_limit}",
                action="raise contract_limit",
            )
        have = self.book.shape[0]
        if needed > have:
            grown = np.zeros((min(max(needed, 2 * have), self.config.contract_limit), BOOK_WIDTH))
            grown[:have] = self.book
            self.book = grown

    def _trades_over_minutes(self, row: FloatArray, codes: _Codes) -> None:
        config, history = self.config, self.history
        past = config.vwap_window_min - 1
        vwaps = np.append(history.trailing(_C.MINUTE_VWAP, past), row[_C.MINUTE_VWAP])
        row[_C.VWAP_WINDOW] = window_vwap(vwaps, np.append(history.trailing(_C.VOLUME, past), row[_C.VOLUME]))
        price, vwap, deviation = row[_C.PRICE], row[_C.VWAP_DAY], row[_C.VWAP_STD]
        _mark(row, codes, _NEED_TRADE[:7], FlowReason.NO_TRADE)
        if deviation > 1e-12 * vwap:
            row[_C.ANCHORED_VWAP_Z] = (price - vwap) / deviation
        if not np.isnan(vwap):
            off = row[_C.VWAP_DEVIATION] = price / vwap - 1.0
            passed = sum(abs(off) >= band for band in config.vwap_bands)
            row[_C.VWAP_BAND] = passed if off > 0.0 else -passed
            _mark(row, codes, (_C.ANCHORED_VWAP_Z,), FlowReason.NO_DISPERSION)
        if len(history) < config.vwap_window_min:
            _mark(row, codes, (_C.VWAP_DIVERGENCE,), FlowReason.YOUNG_SESSION)
        else:
            row[_C.VWAP_DIVERGENCE] = np.log(row[_C.VWAP_WINDOW]) - np.log(vwap)
        _mark(row, codes, _NEED_TRADE, FlowReason.NO_TRADE)
        moved = row[_C.UP_TICKS] + row[_C.DOWN_TICKS]
        row[_C.TICK_MOMENTUM] = (row[_C.UP_TICKS] - row[_C.DOWN_TICKS]) / moved if moved > 0.0 else 0.0
        first = np.isnan(history.last(_C.PRICE)) and row[_C.VOLUME] > 0.0
        _mark(row, codes, (_C.MINUTE_RETURN,), FlowReason.FIRST_MINUTE if first else FlowReason.NO_TRADE)
        _mark(row, codes, (_C.SIGNED_VOLUME, _C.SIGNED_VOLUME_USD, _C.CVD), FlowReason.UNSIGNED)
        self._impact(row, codes)

    def _impact(self, row: FloatArray, codes: _Codes) -> None:
        past = self.config.impact_window_min - 1
        returns = np.append(self.history.trailing(_C.MINUTE_RETURN, past), row[_C.MINUTE_RETURN])
        volume = np.append(self.history.trailing(_C.SIGNED_VOLUME_USD, past), row[_C.SIGNED_VOLUME_USD])
        found = impact_slope(returns, volume, min_minutes=self.config.impact_min_minutes)
        row[_C.IMPACT_SLOPE_PER_USD], row[_C.IMPACT_MINUTES] = found.slope, found.n_minutes
        row[_C.IMPACT_SLOPE_SE_PER_USD] = found.standard_error
        reason = found.reason or FlowReason.NO_VARIATION
        _mark(row, codes, (_C.IMPACT_SLOPE_PER_USD, _C.IMPACT_SLOPE_SE_PER_USD), reason)

    def _quotes_over_minutes(self, row: FloatArray, codes: _Codes) -> None:
        config, history, state = self.config, self.history, self.quote_carry[5]
        if state < 0.0:
            why = FlowReason.NO_QUOTE
        elif row[_C.QUOTE_AGE_S] > config.quote_max_age_ns * 1e-9:
            why = FlowReason.STALE_QUOTE
        else:
            why = FlowReason.UNUSABLE_QUOTE
        spread = row[_C.SPREAD]
        row[_C.SPREAD_CHANGE] = spread - history.last(_C.SPREAD)
        past = history.trailing(_C.SPREAD, config.spread_window_min)
        row[_C.SPREAD_PERCENTILE] = percentile_of(spread, past, min_values=config.spread_min_minutes)
        if row[_C.DEPTH] > 0.0:
            row[_C.OFI_PER_DEPTH] = row[_C.ORDER_FLOW_IMBALANCE] / row[_C.DEPTH]
        if np.isnan(spread):
            _mark(row, codes, _STANDING, why)
        _mark(row, codes, (_C.SPREAD_CHANGE,), FlowReason.FIRST_MINUTE)
        _mark(row, codes, (_C.SPREAD_PERCENTILE,), FlowReason.TOO_FEW_MINUTES)
        _mark(row, codes, (_C.QUOTE_AGE_S,), FlowReason.NO_QUOTE)
        lived = not np.isnan(row[_C.SPREAD_TIME_WEIGHTED])
        _mark(row, codes, _OVER_MINUTE, FlowReason.NO_SIZES if lived else FlowReason.NO_QUOTE)


_NO_NUMBERS = np.zeros(0)
_NO_TABLE = GreeksTable(
    number=np.zeros(0, dtype=np.int64),
    delta=_NO_NUMBERS,
    gamma=_NO_NUMBERS,
    multiplier=_NO_NUMBERS,
    strike=_NO_NUMBERS,
    is_call=np.zeros(0, dtype=np.bool_),
    open_interest=_NO_NUMBERS,
    spot=float("nan"),
)


def _mark(row: FloatArray, codes: _Codes, columns: tuple[FlowColumn, ...], reason: FlowReason) -> None:
    for column in columns:
        if np.isnan(row[column]) and not codes[column]:
            codes[column] = reason


def _flow_readings(sums: FloatArray, per_usd: float) -> tuple[FloatArray, float, float]:
    """Return (gamma, its error, delta, its error), the legacy unit and the sentiment."""
    selected = sums[_S.SELECTED] > 0.0
    if selected and (sums[_S.VALUED] == 0.0 or sums[_S.VALUED_GROSS] == 0.0):
        return np.full(4, np.nan), float("nan"), float("nan")
    gamma, gross = float(sums[_S.FLOW_G]), float(sums[_S.FLOW_G_GROSS])
    flow = [gamma, np.sqrt(sums[_S.FLOW_G_VARIANCE]), sums[_S.FLOW_D], np.sqrt(sums[_S.FLOW_D_VARIANCE])]
    return np.array(flow), gamma * per_usd if selected else 0.0, gamma / gross if gross > 0.0 else 0.0


def _inventory_readings(sums: FloatArray) -> tuple[FloatArray, float]:
    """Return (gamma, its error, delta, its error) and the share of the inventory that has Greeks."""
    held, valued = float(sums[_S.HELD_ALL]), float(sums[_S.HELD_VALUED])
    if held > 0.0 and valued == 0.0:
        return np.full(4, np.nan), 0.0
    errors = np.sqrt(sums[[_S.HELD_G_VARIANCE, _S.HELD_D_VARIANCE]])
    readings = np.array([sums[_S.HELD_G], errors[0], sums[_S.HELD_D], errors[1]])
    return readings, min(valued / held, 1.0) if held > 0.0 else float("nan")


def _place_levels(levels: FieldLevels, row: FloatArray, codes: _Codes) -> None:
    for column, name in _LEVELS.items():
        row[column] = row[_C.SPOT] - getattr(levels, name)
    _mark(row, codes, tuple(_LEVELS), FlowReason.NO_SPOT if np.isnan(row[_C.SPOT]) else FlowReason.NO_LEVEL)


def _sentences(codes: _Codes, levels: FieldLevels) -> dict[str, str]:
    found = {FlowColumn(c).name.lower(): REASON_TEXT[FlowReason(codes[c])] for c in np.flatnonzero(codes).tolist()}
    for column, name in _LEVELS.items():
        if codes[column] == FlowReason.NO_LEVEL and levels.reasons.get(name):
            found[column.name.lower()] = levels.reasons[name]
    return found
