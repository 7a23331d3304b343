"""What a sweep varies: dimensions by path into the backtest, points, and the settings at each of them."""

from tuning.space.checking import SpaceCheck, check_space
from tuning.space.declaring import space_of
from tuning.space.dimensions import Condition, Coordinate, Dimension, Simplex, Varied
from tuning.space.scales import Choice, Integer, Scale, Stepped, Uniform
from tuning.space.space import Space

__all__ = [
    "Choice",
    "Condition",
    "Coordinate",
    "Dimension",
    "Integer",
    "Scale",
    "Simplex",
    "Space",
    "SpaceCheck",
    "Stepped",
    "Uniform",
    "Varied",
    "check_space",
    "space_of",
]
