"""Settings of a price whose variance wanders and jumps with it."""

from __future__ import annotations

from dataclasses import dataclass

from market.errors import ConfigError

__all__ = ["JumpDynamics"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JumpDynamics:
    """A square-root variance with jumps in price and variance at once; times are years of 252 sessions.

    The level to which the variance reverts is the square of the symbol's `volatility`. Options are worth what this
    process pays on average, so the smile follows from these settings: the correlation and the jumps make its skew, the
    jumps its steep first days, the reversion its term structure.

    Parameters
    ----------
    reversion : float
        Speed at which the variance reverts, per year, > 0.
    vol_of_variance : float
        Volatility of the variance per root of variance, > 0.
    correlation : float
        Of variance and price between jumps, -1 to 1, exclusive.
    jumps_per_year : float
        Mean number of jumps, >= 0.
    jump_mean, jump_deviation : float
        Mean and standard deviation of a jump of the log price.
    variance_jump : float
        Mean of the jump of the variance (exponential), which comes with each jump of the price, >= 0.

    Notes
    -----
    The defaults lie near what a year of SPX smiles shows: a variance that forgets in two months, a fall of 3 per cent
    three times a year.
    """

    reversion: float = 6.0
    vol_of_variance: float = 0.7
    correlation: float = -0.75
    jumps_per_year: float = 3.0
    jump_mean: float = -0.03
    jump_deviation: float = 0.03
    variance_jump: float = 0.03

    def __post_init__(self) -> None:
        positive = self.reversion > 0.0 and self.vol_of_variance > 0.0 and abs(self.correlation) < 1.0
        jumps = self.jumps_per_year >= 0.0 and self.jump_deviation >= 0.0 and self.variance_jump >= 0.0
        if not (positive and jumps and abs(self.jump_mean) < 1.0):
            raise ConfigError(
                "no dynamics of a price",
                found=str(self),
                expected="reversion and vol_of_variance > 0, |correlation| < 1, jumps >= 0, |jump_mean| < 1",
            )
