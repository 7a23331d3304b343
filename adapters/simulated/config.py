"""Settings of the simulated market: its symbols, its agents, its clock and its seed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from adapters.simulated.jumps import JumpDynamics
from adapters.simulated.scenarios import Scenario
from adapters.simulated.seasonality import Seasonality
from adapters.simulated.tastes import Tastes, index_tastes
from market.errors import ConfigError
from market.instruments import Delivery, ExerciseStyle, Product, SettlementTime, product_of

__all__ = [
    "DEFAULT_START_NS",
    "CustomerMix",
    "JumpDynamics",
    "PrintMix",
    "SimulatedMarketConfig",
    "SimulatedSymbol",
    "demo_config",
    "light_config",
    "realistic_config",
]

# Monday 2 June 2025, 09:30 in New York: a fixed start keeps a run reproducible.
DEFAULT_START_NS = 1_748_871_000_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerMix:
    """How the customers' trades split over the groups.

    Parameters
    ----------
    overwriter, hedger, speculator, noise_buyer, noise_seller : float
        Relative weights, >= 0: sellers of calls, buyers of puts, buyers of short-dated calls, and traders without a
        view who buy, and who sell, any option.
    """

    overwriter: float = 0.40
    hedger: float = 0.24
    speculator: float = 0.06
    noise_buyer: float = 0.15
    noise_seller: float = 0.15

    def __post_init__(self) -> None:
        if min(self.weights) < 0.0 or not sum(self.weights) > 0.0:
            raise ConfigError("customer weights cannot be a mix", found=str(self.weights), expected=">= 0, sum > 0")

    @property
    def weights(self) -> tuple[float, float, float, float, float]:
        """Weights in the order of `adapters.simulated.groups.CustomerGroup`."""
        return self.overwriter, self.hedger, self.speculator, self.noise_buyer, self.noise_seller


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintMix:
    """What the prints look like.

    Parameters
    ----------
    inside_share : float
        Share of the trades that print inside the spread, half of them at its middle, 0 to 1.
    complex_share : float
        Share of the option trades that are marked as legs of a multi-leg order, 0 to 1.
    underlying_per_step : float
        Mean number of prints in each underlying and step, beside the one that completes the net flow, >= 0.
    """

    inside_share: float = 0.25
    complex_share: float = 0.15
    underlying_per_step: float = 3.0

    def __post_init__(self) -> None:
        shares = (self.inside_share, self.complex_share)
        if not (min(shares) >= 0.0 and max(shares) <= 1.0 and 0.0 <= self.underlying_per_step <= _MOST_PRINTS):
            raise ConfigError(
                "prints cannot be drawn",
                found=f"shares {shares}, {self.underlying_per_step} prints a step",
                expected=f"shares from 0 to 1 and 0 to {_MOST_PRINTS:g} prints a step",
            )


_MOST_PRINTS = 10_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedSymbol:
    """One simulated underlying and its option market.

    Parameters
    ----------
    symbol : str
        Name; it should say that it is simulated, such as ``SIM.SPX``.
    product : Product
        Terms of its only option root: European, cash, settled at the close, which is what the simulator values.
    spot : float
        First price, USD.
    volatility : float
        Level to which the instantaneous volatility reverts, annualised fraction over 252 sessions.
    opening_volatility : float or None
        Instantaneous volatility at the start, in the same unit; that level where it is None.
    rate, dividend_yield : float
        Continuously compounded, per year (ACT/365), constant.
    skew, smile_width : float
        Correlation ``rho`` and ``eta`` of the SSVI smile; ``eta (1 + |rho|) <= 2`` excludes butterfly arbitrage.
    leverage : float
        Fall of log volatility per unit of log return, the spot-vol correlation.
    vol_of_vol : float
        Volatility of the log volatility that is independent of the return, per square-root year.
    vol_reversion : float
        Speed at which the log volatility reverts, per year.
    n_daily, n_weekly, n_monthly : int
        Expirations listed at any time: the next sessions (0DTE is the first), then the week ends after them, then the
        third Fridays after those.
    strikes_each : int
        Strikes of a newly listed expiration.
    strike_step : float
        Smallest distance between strikes, USD.
    tick, tick_above_3 : float
        Price ticks below and from 3 USD.
    spread : float
        Multiplies the quoted spread; 1 is index-like.
    trades_per_session : float
        Mean number of customers' option trades a session.
    lot_mean : float
        Mean contracts per trade (geometric), >= 1.
    open_interest : float
        Customers' contracts at the start, all groups together.
    customers : CustomerMix
        Split of trades and of the first positions.
    impact_return_per_usd : float
        Kyle's lambda: log return per USD of signed flow in the underlying.
    hedge_ratio : float
        Share of its delta that the dealers hedge, 0 (switched off) to 1.
    informed_half_life_s : float
        Time in which informed flow closes half of the gap between price and hidden value, seconds of trading.
    news_share : float
        Share of a change in value that the price shows at once, 0 to 1.
    noise_share : float
        Volatility of the noise flow's push as a share of the instantaneous volatility.
    dynamics : JumpDynamics or None
        Stochastic variance with jumps, and the smile that follows from it; `skew`, `smile_width`, `leverage`,
        `vol_of_vol` and `vol_reversion` then say nothing. None keeps the plain model and its SSVI smile.
    """

    symbol: str
    product: Product
    spot: float
    volatility: float = 0.16
    opening_volatility: float | None = None
    rate: float = 0.04
    dividend_yield: float = 0.013
    skew: float = -0.65
    smile_width: float = 0.9
    leverage: float = 5.0
    vol_of_vol: float = 0.5
    vol_reversion: float = 4.0
    n_daily: int = 10
    n_weekly: int = 5
    n_monthly: int = 8
    strikes_each: int = 55
    strike_step: float = 5.0
    tick: float = 0.05
    tick_above_3: float = 0.10
    spread: float = 1.0
    trades_per_session: float = 250_000.0
    lot_mean: float = 6.0
    open_interest: float = 4_000_000.0
    customers: CustomerMix = CustomerMix()
    impact_return_per_usd: float = 1.4e-13
    hedge_ratio: float = 1.0
    informed_half_life_s: float = 900.0
    news_share: float = 0.8
    noise_share: float = 0.6
    dynamics: JumpDynamics | None = None

    def __post_init__(self) -> None:
        product = self.product
        if product.settlement is not SettlementTime.PM or product.exercise is not ExerciseStyle.EUROPEAN:
            raise ConfigError(
                f"{self.symbol}: the simulator values European options that settle at the close",
                found=f"{product.exercise.value}, {product.settlement.value}",
                expected="european, pm",
            )
        for name in _POSITIVE:
            if not getattr(self, name) > 0.0:
                raise ConfigError(f"{self.symbol}: {name} must be positive", found=str(getattr(self, name)))
        if self.opening_volatility is not None and not self.opening_volatility > 0.0:
            raise ConfigError(
                f"{self.symbol}: opening_volatility must be positive",
                found=str(self.opening_volatility),
                expected="> 0",
            )
        if not (abs(self.skew) < 1.0 and self.smile_width * (1.0 + abs(self.skew)) <= 2.0):
            raise ConfigError(
                f"{self.symbol}: the smile would admit butterfly arbitrage",
                found=f"skew {self.skew}, smile_width {self.smile_width}",
                expected="|skew| < 1 and smile_width (1 + |skew|) <= 2",
            )
        if not (0.0 <= self.hedge_ratio <= 1.0 and 0.0 <= self.news_share <= 1.0):
            raise ConfigError(f"{self.symbol}: hedge_ratio and news_share are shares", expected="0 to 1")
        if self.n_daily + self.n_weekly + self.n_monthly < 1 or self.strikes_each < 3 or self.lot_mean < 1.0:
            raise ConfigError(
                f"{self.symbol}: nothing to list or to trade", expected="an expiration, 3 strikes, lots of 1"
            )


_POSITIVE = (
    "spot",
    "volatility",
    "smile_width",
    "vol_reversion",
    "strike_step",
    "tick",
    "tick_above_3",
    "spread",
    "trades_per_session",
    "open_interest",
    "impact_return_per_usd",
    "informed_half_life_s",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedMarketConfig:
    """A whole simulated market.

    Parameters
    ----------
    symbols : tuple of SimulatedSymbol
        At least one; names differ.
    seed : int
        Seed of all random numbers; the same seed and settings give the same batches, byte for byte.
    step_s : float
        Simulated trading time between batches, seconds.
    interval_s : float
        Machine time between batches, seconds, >= 0.
    start_ns : int
        First instant, ns since the epoch, UTC; outside a session the market starts at the next open.
    chain_every : int
        Whole chains come with every so many batches, and with the first of each session; the others carry trades and
        the quotes that changed.
    prints : PrintMix
        What the prints look like.
    seasonality : Seasonality or None
        Shape of the day; None for a flat one.
    scenario : Scenario or None
        A session that is led along a path, for all symbols; it stands in the provenance.
    tastes : Tastes or None
        What customers trade and hold, told by expiration and moneyness; None for the bells of
        `adapters.simulated.agents.preferences`.
    """

    symbols: tuple[SimulatedSymbol, ...]
    seed: int = 7
    step_s: float = 1.0
    interval_s: float = 1.0
    start_ns: int = DEFAULT_START_NS
    chain_every: int = 1
    prints: PrintMix = PrintMix()
    seasonality: Seasonality | None = None
    scenario: Scenario | None = None
    tastes: Tastes | None = None

    def __post_init__(self) -> None:
        names = [item.symbol for item in self.symbols]
        if not names or len(set(names)) != len(names):
            raise ConfigError("symbols must be there and differ", found=str(len(names)), expected="distinct names")
        if not self.step_s >= _SHORTEST_STEP_S or self.interval_s < 0.0 or self.chain_every < 1:
            raise ConfigError(
                "pacing cannot work",
                found=f"step_s {self.step_s}, interval_s {self.interval_s}, chain_every {self.chain_every}",
                expected=f"step_s >= {_SHORTEST_STEP_S:g}, interval_s >= 0 and chain_every >= 1",
            )


_SHORTEST_STEP_S = 1e-6  # trades need distinct instants inside a step


def demo_config(
    *, seed: int = 7, step_s: float = 5.0, interval_s: float = 1.0, start_ns: int = DEFAULT_START_NS
) -> SimulatedMarketConfig:
    """Return four index-like symbols with 1 500 to 2 500 contracts each.

    Parameters
    ----------
    seed, step_s, interval_s, start_ns
        As in `SimulatedMarketConfig`.

    Returns
    -------
    SimulatedMarketConfig
        ``SIM.SPX`` and ``SIM.NDX`` (indices) with dealers net long gamma, ``SIM.QQQ`` mixed, and ``SIM.IWM`` whose
        customers buy, so that its dealers are short gamma and amplify.
    """
    buyers = CustomerMix(overwriter=0.15, hedger=0.40, speculator=0.15, noise_buyer=0.17, noise_seller=0.13)
    symbols = (
        SimulatedSymbol(symbol="SIM.SPX", product=_terms("SIM.SPX"), spot=5_900.0, impact_return_per_usd=1.4e-13),
        SimulatedSymbol(
            symbol="SIM.NDX",
            product=_terms("SIM.NDX"),
            spot=21_400.0,
            volatility=0.20,
            strike_step=25.0,
            strikes_each=45,
            open_interest=400_000.0,
            trades_per_session=30_000.0,
            impact_return_per_usd=5e-13,
        ),
        SimulatedSymbol(
            symbol="SIM.QQQ",
            product=_terms("SIM.QQQ"),
            spot=520.0,
            volatility=0.20,
            strike_step=1.0,
            tick=0.01,
            tick_above_3=0.01,
            spread=0.6,
            dividend_yield=0.006,
            open_interest=6_000_000.0,
            customers=CustomerMix(overwriter=0.33, hedger=0.27, speculator=0.10),
            impact_return_per_usd=2e-12,
        ),
        SimulatedSymbol(
            symbol="SIM.IWM",
            product=_terms("SIM.IWM"),
            spot=206.0,
            volatility=0.22,
            strike_step=1.0,
            strikes_each=40,
            tick=0.01,
            tick_above_3=0.01,
            spread=0.8,
            open_interest=2_500_000.0,
            trades_per_session=90_000.0,
            customers=buyers,
            impact_return_per_usd=2.5e-12,
        ),
    )
    return SimulatedMarketConfig(symbols=symbols, seed=seed, step_s=step_s, interval_s=interval_s, start_ns=start_ns)


def realistic_config(*, seed: int = 7, step_s: float = 60.0, start_ns: int = DEFAULT_START_NS) -> SimulatedMarketConfig:
    """Return ``SIM.SPX`` with jumps, a smile that follows from them, and the shape of a day.

    Parameters
    ----------
    seed, step_s, start_ns
        As in `SimulatedMarketConfig`.

    Returns
    -------
    SimulatedMarketConfig
        A calm market: dynamics by least squares on the smiles and at-the-money terms of six SPX sessions of 2023 and
        2025 up to a year, the wandering of the variance held near that of VIX; customers who hold more puts than those
        of the demo, and trade mostly what expires the same day.
    """
    return SimulatedMarketConfig(
        symbols=(
            SimulatedSymbol(
                symbol="SIM.SPX",
                product=_terms("SIM.SPX"),
                spot=5_900.0,
                volatility=0.074,
                opening_volatility=0.066,
                dynamics=JumpDynamics(
                    reversion=2.5,
                    vol_of_variance=0.24,
                    correlation=-0.78,
                    jumps_per_year=0.6,
                    jump_mean=-0.10,
                    jump_deviation=0.054,
                    variance_jump=0.029,
                ),
                spread=0.75,
                customers=CustomerMix(
                    overwriter=0.20, hedger=0.42, speculator=0.10, noise_buyer=0.13, noise_seller=0.15
                ),
                impact_return_per_usd=3e-14,
            ),
        ),
        seed=seed,
        step_s=step_s,
        start_ns=start_ns,
        seasonality=Seasonality(),
        tastes=index_tastes(),
    )


def light_config(
    n_symbols: int, contracts_each: int = 100, *, seed: int = 7, interval_s: float = 1.0
) -> SimulatedMarketConfig:
    """Return many small stocks with weekly and monthly expirations.

    Parameters
    ----------
    n_symbols : int
        Underlyings, named ``SIM.L0000`` and on.
    contracts_each : int
        Contracts of each on the first session, a multiple of 10 from 30.
    seed : int
        Seed.
    interval_s : float
        Machine time between batches, seconds.

    Returns
    -------
    SimulatedMarketConfig
        One batch a simulated second.
    """
    if contracts_each < 30 or contracts_each % 10:
        raise ConfigError("contracts_each cannot be listed", found=str(contracts_each), expected="30, 40, 50 ...")
    symbols = tuple(
        SimulatedSymbol(
            symbol=f"SIM.L{n:04d}",
            product=_terms(f"SIM.L{n:04d}"),
            spot=60.0 + 7.0 * (n % 37),
            volatility=0.22 + 0.01 * (n % 23),
            dividend_yield=0.01,
            skew=-0.4,
            leverage=2.5,
            n_daily=0,
            n_weekly=4,
            n_monthly=1,
            strikes_each=contracts_each // 10,
            strike_step=1.0 if n % 37 < 20 else 2.5,
            tick=0.01,
            tick_above_3=0.05,
            spread=2.0,
            trades_per_session=1_500.0,
            open_interest=50_000.0,
            impact_return_per_usd=6e-10,
        )
        for n in range(n_symbols)
    )
    return SimulatedMarketConfig(symbols=symbols, seed=seed, step_s=1.0, interval_s=interval_s)


def _terms(root: str) -> Product:
    # European and cash, unlike a listed stock option: the terms say what the simulator values.
    return replace(product_of(root), underlying=root, exercise=ExerciseStyle.EUROPEAN, delivery=Delivery.CASH)
