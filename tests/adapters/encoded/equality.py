"""Equality of chains to the last bit."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from market.chains import OptionChain

__all__ = ["unlike"]


def unlike(one: OptionChain, other: OptionChain) -> list[str]:
    """Return the fields in which two chains differ; arrays are compared by type and bytes, NaN equals NaN."""
    found = []
    for item in fields(OptionChain):
        left, right = getattr(one, item.name), getattr(other, item.name)
        if isinstance(left, np.ndarray):
            same = left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes()
        else:
            same = left == right or (left != left and right != right)  # NaN
        if not same:
            found.append(item.name)
    return found
