"""Gates of the way to a trade: each with its number, its bound and, where it failed, its reason."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

from strategies.decisions import Gate

__all__ = ["gate", "until_first_failure"]


def gate(name: str, value: float = nan, bound: float = nan, *, passed: bool, reason: str) -> Gate:
    """Return a gate, whose reason stands only where it failed.

    Parameters
    ----------
    name : str
        What is tested.
    value, bound : float, optional
        What was found and asked; NaN where there is no number.
    passed : bool
        Whether the candidate went on.
    reason : str
        Why it did not.

    Returns
    -------
    Gate
        As told.
    """
    return Gate(name=name, passed=passed, value=value, bound=bound, reason="" if passed else reason)


def until_first_failure(gates: Sequence[Gate]) -> tuple[Gate, ...]:
    """Return the gates up to and with the first that failed."""
    failed = next((place for place, each in enumerate(gates) if not each.passed), len(gates))
    return tuple(gates[: failed + 1])
