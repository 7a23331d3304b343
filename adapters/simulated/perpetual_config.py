"""Settings of simulated perpetual futures."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.simulated.jumps import JumpDynamics
from market.errors import ConfigError

__all__ = ["PerpetualMarketConfig", "SimulatedPerpetual"]

# A coin: hourly returns with a kurtosis near 15, jumps of either sign, little correlation of price and variance.
_COIN = JumpDynamics(
    reversion=20.0,
    vol_of_variance=2.5,
    correlation=-0.2,
    jumps_per_year=30.0,
    jump_mean=-0.002,
    jump_deviation=0.02,
    variance_jump=0.15,
)
_POSITIVE = ("spot", "volatility", "basis_half_life_s", "contract_size", "open_interest", "funding_interval_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPerpetual:
    """One simulated perpetual future on a coin.

    Parameters
    ----------
    symbol : str
        Name; it should say that it is simulated, such as ``SIM.BTC/USDT:USDT``.
    spot : float
        First price of the index, USD.
    volatility : float
        Level of its volatility, annualised over 365 days.
    dynamics : JumpDynamics
        How variance and price move; its years have 365 days here.
    basis_level, basis_deviation : float
        Mean and standard deviation of the premium of the perpetual over its index, fractions.
    basis_half_life_s : float
        Time in which half of a deviation of the premium is gone, seconds.
    basis_response : float
        Premium that a log return of 1 adds while leverage chases the price.
    funding_interval_s : float
        Time between payments, seconds: eight hours on most venues.
    interest_rate : float
        Part of the rate that is paid where the premium is small, fraction per eight hours.
    clamp : float
        The premium counts in full beyond this distance from the interest rate, fraction per eight hours.
    cap : float
        Largest rate to either side, fraction per interval.
    contract_size : float
        Coins per contract.
    open_interest : float
        Contracts long, which is contracts short, at the start.
    half_spread : float
        Of the perpetual's quotes, fraction.
    tick : float
        Price tick, USD.
    """

    symbol: str
    spot: float
    volatility: float = 0.55
    dynamics: JumpDynamics = _COIN
    basis_level: float = 0.0001
    basis_deviation: float = 0.00045
    basis_half_life_s: float = 50_000.0
    basis_response: float = 0.01
    funding_interval_s: float = 28_800.0
    interest_rate: float = 0.0001
    clamp: float = 0.0005
    cap: float = 0.003
    contract_size: float = 0.001
    open_interest: float = 80_000_000.0
    half_spread: float = 2e-6
    tick: float = 0.1

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            if not getattr(self, name) > 0.0:
                raise ConfigError(f"{self.symbol}: {name} must be positive", found=str(getattr(self, name)))
        if min(self.basis_deviation, self.clamp, self.cap, self.half_spread) < 0.0:
            raise ConfigError(f"{self.symbol}: deviation, clamp, cap and spread are sizes", expected=">= 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpetualMarketConfig:
    """A market of perpetual futures that never closes.

    Parameters
    ----------
    symbols : tuple of SimulatedPerpetual
        At least one; names differ.
    seed : int
        Seed of all random numbers.
    step_s : float
        Time between batches, seconds.
    start_ns : int
        First instant, ns since the epoch, UTC.
    accounts : int
        Traders who hold the open interest, at least 2.
    """

    symbols: tuple[SimulatedPerpetual, ...]
    seed: int = 7
    step_s: float = 60.0
    start_ns: int = 1_735_689_600_000_000_000  # Wednesday 1 January 2025, 00:00 UTC
    accounts: int = 32

    def __post_init__(self) -> None:
        names = [item.symbol for item in self.symbols]
        if not names or len(set(names)) != len(names) or not self.step_s > 0.0 or self.accounts < _FEWEST:
            raise ConfigError(
                "no market of perpetuals",
                found=f"{len(names)} symbols, step_s {self.step_s}, {self.accounts} accounts",
                expected="distinct symbols, step_s > 0 and 2 accounts",
            )


_FEWEST = 2
