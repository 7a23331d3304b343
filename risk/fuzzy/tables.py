"""Fuzzy sizing as tables: the defaults of a configuration, and what volatility does through each way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from math import inf

from risk.fuzzy.config import FACTORS, FuzzyConfig
from risk.fuzzy.factors import Factor, SecondInput
from risk.fuzzy.memberships import Gaussian, Linear, Trapezoid
from risk.fuzzy.sensitivity import VolatilityChannels

__all__ = ["channel_table", "factor_table", "setting_table"]

_SECOND = ("vix", "band_width")


def factor_table(config: FuzzyConfig) -> str:
    """Return the factors of a configuration as a Markdown table.

    Parameters
    ----------
    config : FuzzyConfig
        The table.

    Returns
    -------
    str
        One row for each factor and second input: weight or share, the family that is read, and all families.
    """
    rows = ["| name | weight | family | trapezoid | Gaussian | linear | cross-over |", "|---|---|---|---|---|---|---|"]
    for name in (*FACTORS, *_SECOND):
        shaped: Factor | SecondInput = getattr(config, name)
        weight = f"{shaped.weight:.2f}" if isinstance(shaped, Factor) else f"share {shaped.share:g}"
        cross = shaped.crossover if isinstance(shaped, Factor) else None
        told = f"at {_number(cross.at)}, steepness {_number(cross.steepness)}" if cross else ""
        cells = (
            f"`{name}`",
            weight,
            shaped.family.value,
            _trapezoid(shaped.trapezoid),
            _gaussian(shaped.gaussian),
            _linear(shaped.linear),
            told,
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def setting_table(config: FuzzyConfig) -> str:
    """Return everything else of a configuration as a Markdown table.

    Parameters
    ----------
    config : FuzzyConfig
        The table.

    Returns
    -------
    str
        One row for each setting, by its path.
    """
    rows = ["| setting | default |", "|---|---|"]
    for item in fields(config):
        value = getattr(config, item.name)
        if item.init and not isinstance(value, Factor | SecondInput):
            inner = (
                [(f"{item.name}.{part.name}", getattr(value, part.name)) for part in fields(value)]
                if is_dataclass(value)
                else [(item.name, value)]
            )
            rows += [f"| `{path}` | {_value(found)} |" for path, found in inner]
    return "\n".join(rows)


def channel_table(channels: Sequence[VolatilityChannels]) -> str:
    """Return the ways of volatility as a Markdown table.

    Parameters
    ----------
    channels : sequence of VolatilityChannels
        One for each level.

    Returns
    -------
    str
        One row for each level, slopes in thousandths of the base size per index point.
    """
    rows = [
        "| VIX | g | IV rank | regime stability | trend and width | sigma* | net |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in channels:
        parts = (each.iv_rank, each.regime_stability, each.trend_and_width, each.sigma_star, each.net)
        cells = " | ".join(f"{1e3 * part + 0.0:+.1f}" for part in parts)
        rows.append(f"| {each.level:g} | {each.g:.3f} | {cells} |")
    return "\n".join(rows)


def _trapezoid(shape: Trapezoid) -> str:
    return ", ".join(_number(x) for x in (shape.zero_low, shape.one_low, shape.one_high, shape.zero_high))


def _gaussian(shape: Gaussian) -> str:
    place = _number(shape.low) if shape.low == shape.high else f"{_number(shape.low)} to {_number(shape.high)}"
    return f"{place}; {_number(shape.deviation)}"


def _linear(shape: Linear) -> str:
    return ", ".join(_number(x) for x in (shape.zero_low, shape.one, shape.zero_high))


def _value(found: object) -> str:
    if isinstance(found, bool):
        return str(found).lower()
    return _number(found) if isinstance(found, float) else str(found)


def _number(x: float) -> str:
    return "inf" if x == inf else "-inf" if x == -inf else f"{x:g}"
