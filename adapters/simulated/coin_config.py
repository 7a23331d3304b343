"""Settings of a simulated exchange of coins: a perpetual of each, and options that end at 08:00 UTC."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from adapters.simulated.config import CustomerMix
from adapters.simulated.perpetual_config import PerpetualMarketConfig, SimulatedPerpetual
from market.errors import ConfigError
from market.instruments import Product, SettlementTime, product_of

__all__ = ["CoinMarketConfig", "SimulatedCoin", "coin_config", "exchange_config"]

_EIGHT_HOURS_S: Final = 28_800.0
_FEWEST_STRIKES: Final = 3
_MIX: Final = CustomerMix()
_POSITIVE: Final = ("strike_step", "option_tick", "spread", "lot", "trades_per_day", "open_interest", "level_coins")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedCoin:
    """One coin with its perpetual and its options.

    Parameters
    ----------
    symbol : str
        Name of the coin, as its chain bears it, such as ``SIM.BTC``.
    product : Product
        Terms of its options; their root says whether premiums are in the coin or in dollars.
    perpetual : SimulatedPerpetual
        The perpetual, whose dynamics give the smile; its funding interval divides eight hours.
    carry : float
        By how much forwards lie above the index, continuously compounded, per year of 365 days.
    n_daily, n_weekly, n_monthly, n_quarterly : int
        Expirations: the next days, the next Fridays, the last Fridays of the next months and of the next quarters.
    strikes_each : int
        Strikes of a newly listed expiration.
    strike_step : float
        Smallest distance between strikes, USD.
    option_tick : float
        Price tick of the options, in coins where premiums are in the coin, else USD.
    spread : float
        Multiplies the quoted spread; 1 is that of index options.
    lot : float
        Smallest amount of contracts.
    lot_mean : float
        Mean lots per trade (geometric), >= 1.
    trades_per_day : float
        Mean number of customers' option trades in 24 hours.
    open_interest : float
        Customers' contracts at the start, all groups together.
    customers : CustomerMix
        Split of trades and of the first positions.
    prints_per_s : float
        Mean number of trades of the perpetual a second.
    depth : int
        Levels of a side of the perpetual's book.
    level_coins : float
        Mean size of a level, coins.
    """

    symbol: str
    product: Product
    perpetual: SimulatedPerpetual
    carry: float = 0.06
    n_daily: int = 3
    n_weekly: int = 3
    n_monthly: int = 3
    n_quarterly: int = 4
    strikes_each: int = 45
    strike_step: float = 500.0
    option_tick: float = 0.0001
    spread: float = 12.0
    lot: float = 0.1
    lot_mean: float = 12.0
    trades_per_day: float = 12_000.0
    open_interest: float = 200_000.0
    customers: CustomerMix = _MIX
    prints_per_s: float = 2.0
    depth: int = 20
    level_coins: float = 2.0

    def __post_init__(self) -> None:
        if self.product.settlement is not SettlementTime.FIXED_UTC:
            raise ConfigError(
                f"{self.symbol}: options on coins end at 08:00 UTC", found=self.product.settlement, expected="fixed_utc"
            )
        for name in _POSITIVE:
            if not getattr(self, name) > 0.0:
                raise ConfigError(f"{self.symbol}: {name} must be positive", found=str(getattr(self, name)))
        if _EIGHT_HOURS_S % self.perpetual.funding_interval_s:
            raise ConfigError(
                f"{self.symbol}: options must end on a payment of funding",
                found=f"{self.perpetual.funding_interval_s:g} s",
                expected="a part of 8 hours",
            )
        counts = self.n_daily + self.n_weekly + self.n_monthly + self.n_quarterly
        if counts < 1 or self.strikes_each < _FEWEST_STRIKES or self.lot_mean < 1.0 or self.depth < 1:
            raise ConfigError(
                f"{self.symbol}: nothing to list or to trade", expected="an expiration, 3 strikes, lots of 1, a level"
            )

    @property
    def is_inverse(self) -> bool:
        """Whether premiums are quoted and paid in the coin."""
        return "." not in self.product.root.partition("@")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinMarketConfig:
    """A market of coins that never closes.

    Parameters
    ----------
    coins : tuple of SimulatedCoin
        At least one; names differ.
    seed : int
        Seed of all random numbers.
    step_s : float
        Simulated time between batches, seconds.
    interval_s : float
        Machine time between batches, seconds, >= 0.
    start_ns : int
        First instant, ns since the epoch, UTC.
    chain_every : int
        Whole chains and forecasts of funding come with every so many batches; chains also when others are listed.
    history_s : float
        For so long before the start the perpetuals have traded already, in minutes: their bars and funding can be asked
        for. A multiple of 60.
    """

    coins: tuple[SimulatedCoin, ...]
    seed: int = 7
    step_s: float = 60.0
    interval_s: float = 1.0
    start_ns: int = 1_735_732_800_000_000_000  # Wednesday 1 January 2025, 12:00 UTC
    chain_every: int = 1
    history_s: float = 0.0

    def __post_init__(self) -> None:
        names = [coin.symbol for coin in self.coins]
        if not names or len(set(names)) < len(names):
            raise ConfigError("coins must be there and differ", found=", ".join(names), expected="distinct names")
        if not self.step_s > 0.0 or min(self.interval_s, self.history_s) < 0.0 or self.chain_every < 1:
            raise ConfigError(
                "a market of coins cannot run so",
                found=f"step_s {self.step_s}, interval_s {self.interval_s}, chain_every {self.chain_every}",
                expected="step_s > 0, interval_s and history_s >= 0, chain_every >= 1",
            )

    def perpetuals(self, *, start_ns: int, step_s: float) -> PerpetualMarketConfig:
        """Return the market of the coins' perpetuals.

        Parameters
        ----------
        start_ns : int
            First instant, ns since the epoch, UTC.
        step_s : float
            Simulated time between its batches, seconds.
        """
        symbols = tuple(coin.perpetual for coin in self.coins)
        return PerpetualMarketConfig(symbols=symbols, seed=self.seed, step_s=step_s, start_ns=start_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """How one exchange lists a coin: the root of its options, its perpetual, and how often that pays."""

    root: str
    perpetual: str
    funding_interval_s: float
    option_tick: float
    lot: float


_KINDS: Final = {
    "deribit": _Kind(
        root="{coin}@DERIBIT", perpetual="{coin}/USD:{coin}", funding_interval_s=3_600.0, option_tick=0.0001, lot=0.1
    ),
    "bybit": _Kind(
        root="{coin}@BYBIT.USDT",
        perpetual="{coin}/USDT:USDT",
        funding_interval_s=_EIGHT_HOURS_S,
        option_tick=5.0,
        lot=0.01,
    ),
    "binance": _Kind(
        root="{coin}@BINANCE.USDT",
        perpetual="{coin}/USDT:USDT",
        funding_interval_s=_EIGHT_HOURS_S,
        option_tick=0.1,
        lot=0.01,
    ),
}
_COINS: Final = {
    "BTC": {"spot": 94_000.0, "volatility": 0.50, "strike_step": 500.0, "level_coins": 1.5, "tick": 0.5},
    "ETH": {"spot": 3_400.0, "volatility": 0.65, "strike_step": 25.0, "level_coins": 30.0, "tick": 0.05},
}


def exchange_config(exchange: str, coins: tuple[str, ...], *, seed: int = 7) -> CoinMarketConfig:
    """Return a market whose coins are listed as an exchange does, under the names that it uses.

    Parameters
    ----------
    exchange : str
        ``deribit``, ``bybit`` or ``binance``.
    coins : tuple of str
        ``BTC`` and ``ETH``, or one of them.
    seed : int, optional
        Seed.

    Returns
    -------
    CoinMarketConfig
        Raises ConfigError for other exchanges and coins.
    """
    kind = _KINDS.get(exchange)
    if kind is None:
        raise ConfigError("no such simulated exchange of coins", found=exchange, expected=", ".join(_KINDS))
    return CoinMarketConfig(coins=tuple(_coin(kind, coin) for coin in coins), seed=seed)


def coin_config(*, seed: int = 7, step_s: float = 60.0) -> CoinMarketConfig:
    """Return ``SIM.BTC`` and ``SIM.ETH`` with options that are settled in the coin.

    Parameters
    ----------
    seed, step_s
        As in `CoinMarketConfig`.

    Returns
    -------
    CoinMarketConfig
        About 1 000 contracts each.
    """
    known = exchange_config("deribit", ("BTC", "ETH"), seed=seed)
    coins = tuple(
        replace(
            coin,
            symbol=f"SIM.{coin.symbol}",
            product=replace(coin.product, underlying=f"SIM.{coin.symbol}"),
            perpetual=replace(coin.perpetual, symbol=f"SIM.{coin.perpetual.symbol}"),
        )
        for coin in known.coins
    )
    return replace(known, coins=coins, step_s=step_s)


def _coin(kind: _Kind, coin: str) -> SimulatedCoin:
    terms = _COINS.get(coin)
    if terms is None:
        raise ConfigError("no such simulated coin", found=coin, expected=", ".join(_COINS), action="take one of these")
    scale = _COINS["BTC"]["spot"] / terms["spot"]
    return SimulatedCoin(
        symbol=coin,
        product=product_of(kind.root.format(coin=coin)),
        perpetual=SimulatedPerpetual(
            symbol=kind.perpetual.format(coin=coin),
            spot=terms["spot"],
            volatility=terms["volatility"],
            funding_interval_s=kind.funding_interval_s,
            # As much in dollars of every coin.
            open_interest=80_000_000.0 * scale,
            tick=terms["tick"],
        ),
        strike_step=terms["strike_step"],
        option_tick=kind.option_tick,
        lot=kind.lot,
        open_interest=200_000.0 * scale**0.5,
        lot_mean=1.2 / kind.lot,
        level_coins=terms["level_coins"],
    )
