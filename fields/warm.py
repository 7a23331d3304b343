"""Load every kernel before the first request."""

from __future__ import annotations

import importlib
import pkgutil
import time

import numpy as np

import fields

__all__ = ["warm_kernels"]


def warm_kernels() -> float:
    """Import every module of the package, run the hot kernels once and return how long that took.

    Returns
    -------
    float
        Seconds; several where the cache is cold, a fraction of one where it is warm.
    """
    start = time.perf_counter()
    # Importing a module compiles its kernels, or loads them from the cache: their signatures are fixed.
    for module in pkgutil.walk_packages(fields.__path__, "fields."):
        importlib.import_module(module.name)
    from fields.greeks import exposure_greeks, greeks
    from fields.implied_vol import implied_volatility

    strikes = np.array([90.0, 100.0, 110.0])
    found = greeks(100.0, strikes, 0.1, 0.03, 0.01, [0.2, 0.2, 0.0], True)
    exposure_greeks(100.0, strikes, 0.1, 0.03, 0.01, 0.2, True)
    implied_volatility(found.price, 100.0, strikes, 0.1, 1.0, True)
    return time.perf_counter() - start
