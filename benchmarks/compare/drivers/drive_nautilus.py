"""nautilus_trader: the crossing of two averages, one unit, reversed with an order of two, no fees."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import nautilus_trader  # type: ignore[import-not-found]  # lives in an environment of its own
import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig  # type: ignore[import-not-found]
from nautilus_trader.config import LoggingConfig, StrategyConfig  # type: ignore[import-not-found]
from nautilus_trader.indicators import SimpleMovingAverage  # type: ignore[import-not-found]
from nautilus_trader.model.currencies import EUR, USD  # type: ignore[import-not-found]
from nautilus_trader.model.data import BarType  # type: ignore[import-not-found]
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide  # type: ignore[import-not-found]
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue  # type: ignore[import-not-found]
from nautilus_trader.model.instruments import CurrencyPair  # type: ignore[import-not-found]
from nautilus_trader.model.objects import Money, Price, Quantity  # type: ignore[import-not-found]
from nautilus_trader.persistence.wranglers import BarDataWrangler  # type: ignore[import-not-found]
from nautilus_trader.trading.strategy import Strategy  # type: ignore[import-not-found]

from benchmarks.compare.drivers.measure import Done, timed

_VENUE = Venue("SIM")
_PAIR = CurrencyPair(
    instrument_id=InstrumentId(Symbol("EUR/USD"), _VENUE),
    raw_symbol=Symbol("EUR/USD"),
    base_currency=EUR,
    quote_currency=USD,
    price_precision=4,
    size_precision=0,
    price_increment=Price.from_str("0.0001"),
    size_increment=Quantity.from_int(1),
    ts_event=0,
    ts_init=0,
    margin_init=Decimal("0.03"),
    margin_maint=Decimal("0.03"),
    maker_fee=Decimal(0),
    taker_fee=Decimal(0),
)
_BARS = BarType.from_str("EUR/USD.SIM-1-MINUTE-LAST-EXTERNAL")


class _Cross(Strategy):  # type: ignore[misc]  # untyped
    def __init__(self) -> None:
        super().__init__(StrategyConfig(strategy_id="cross"))
        self.fast, self.slow = SimpleMovingAverage(50), SimpleMovingAverage(200)

    def on_start(self) -> None:
        self.register_indicator_for_bars(_BARS, self.fast)
        self.register_indicator_for_bars(_BARS, self.slow)
        self.subscribe_bars(_BARS)

    def on_bar(self, bar: Any) -> None:  # noqa: ARG002  # the engine's signature
        if not self.indicators_initialized():
            return
        fast, slow, held = self.fast.value, self.slow.value, self.portfolio.net_position(_PAIR.id)
        if fast > slow and held <= 0:
            self._turn(OrderSide.BUY, held)
        elif fast < slow and held >= 0:
            self._turn(OrderSide.SELL, held)

    def _turn(self, side: Any, held: Any) -> None:
        order = self.order_factory.market(_PAIR.id, side, Quantity.from_int(2 if held else 1))
        self.submit_order(order)


def bars(arrays: dict[str, Any]) -> tuple[int, Callable[[], Done]]:
    """Return the work over all bars; its simulated venue fills at the price that the bar ended with."""
    frame = pd.DataFrame(
        {name: arrays[name] for name in ("open", "high", "low", "close")},
        index=pd.DatetimeIndex(arrays["end_ns"].astype("datetime64[ns]"), tz="UTC"),
    )
    data = BarDataWrangler(_BARS, _PAIR).process(frame)

    def run() -> Done:
        engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
        engine.add_venue(_VENUE, OmsType.NETTING, AccountType.MARGIN, [Money(10_000_000, USD)], base_currency=USD)
        engine.add_instrument(_PAIR)
        engine.add_data(data)
        engine.add_strategy(_Cross())
        engine.run()
        orders = int(engine.cache.orders_total_count())
        engine.dispose()
        return Done(orders=orders)

    return len(frame), run


if __name__ == "__main__":
    timed(f"nautilus_trader {nautilus_trader.__version__}", {"bars": bars})
