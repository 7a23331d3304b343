"""What a factor is: a weight, a membership function of each family, and which of them is read."""

from __future__ import annotations

from dataclasses import dataclass

from market.errors import ConfigError
from risk.fuzzy.memberships import Crossover, Family, Gaussian, Linear, Membership, Trapezoid

__all__ = ["Factor", "SecondInput", "Term"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """Weight and memberships of one factor; every family stands ready, one of them is read.

    Parameters
    ----------
    weight : float
        Its share of the score, 0 to 1.
    family : Family
        Which membership function is read.
    trapezoid, gaussian, linear : Trapezoid, Gaussian, Linear
        The families, with one plateau.
    crossover : Crossover, optional
        For a factor that has sides.

    Raises
    ------
    ConfigError
        The weight is no share, or the factor does not have the family.
    """

    weight: float
    family: Family
    trapezoid: Trapezoid
    gaussian: Gaussian
    linear: Linear
    crossover: Crossover | None = None

    def __post_init__(self) -> None:
        _require_share("the weight of a factor", self.weight)
        _member(self.family, self.trapezoid, self.gaussian, self.linear, self.crossover)

    @property
    def membership(self) -> Membership:
        """The function of its family."""
        return _member(self.family, self.trapezoid, self.gaussian, self.linear, self.crossover)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondInput:
    """A second number that a factor reads; it takes a share of the factor's weight.

    Parameters
    ----------
    share : float
        Of the factor's weight, 0 to 1; 0 leaves the factor to its first number, 1 to this one.
    family : Family
        Which membership function is read.
    trapezoid, gaussian, linear : Trapezoid, Gaussian, Linear
        The families.

    Raises
    ------
    ConfigError
        The share is none, or the input does not have the family.
    """

    share: float
    family: Family
    trapezoid: Trapezoid
    gaussian: Gaussian
    linear: Linear

    def __post_init__(self) -> None:
        _require_share("the share of a second input", self.share)
        _member(self.family, self.trapezoid, self.gaussian, self.linear, None)

    @property
    def membership(self) -> Membership:
        """The function of its family."""
        return _member(self.family, self.trapezoid, self.gaussian, self.linear, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One addend of the score: a factor's input with its own part of the weight.

    Parameters
    ----------
    factor, source : str
        Name of the factor, and of the number that is read (`risk.fuzzy.score.FuzzyInputs`).
    weight : float
        Part of the score; all terms together have 1, or less where the guard leaves one out.
    membership, gaussian : Membership
        The function that is read, and the factor's Gaussian.
    """

    factor: str
    source: str
    weight: float
    membership: Membership
    gaussian: Gaussian


def _member(
    family: Family, trapezoid: Trapezoid, gaussian: Gaussian, linear: Linear, crossover: Crossover | None
) -> Membership:
    families: dict[Family, Membership | None] = {
        Family.TRAPEZOID: trapezoid,
        Family.GAUSSIAN: gaussian,
        Family.LINEAR: linear,
        Family.CROSSOVER: crossover,
    }
    found = families.get(family)
    if found is None:
        known = [str(each) for each, shape in families.items() if shape is not None]
        raise ConfigError("a factor does not have this family", found=str(family), expected=", ".join(known))
    return found


def _require_share(what: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise ConfigError(f"{what} cannot be", found=f"{value}", expected="0 to 1")
