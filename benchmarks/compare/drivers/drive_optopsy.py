"""optopsy: its iron condors on the first days of the chain; it values every combination of strikes."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from typing import Any

import numpy as np
import optopsy  # type: ignore[import-not-found]  # lives in an environment of its own
import pandas as pd

from benchmarks.compare.drivers.measure import Done, timed

_DAYS = 5  # ten days need more than 9 GB


def condor(arrays: dict[str, Any]) -> tuple[int, Callable[[], Done]]:
    """Return the work over five days; orders are not comparable, and are told as 0."""
    days = np.unique(arrays["ts_ns"])[:_DAYS]
    rows = arrays["ts_ns"] <= days[-1]
    frame = pd.DataFrame(
        {
            "underlying_symbol": "SPX",
            "underlying_price": arrays["spot"][rows],
            "option_type": np.where(arrays["is_call"][rows], "c", "p"),
            "expiration": pd.to_datetime(arrays["expiration"][rows]).astype("datetime64[ns]"),
            "quote_date": pd.to_datetime(arrays["ts_ns"][rows]).normalize().astype("datetime64[ns]"),
            "strike": arrays["strike"][rows],
            "bid": arrays["bid"][rows],
            "ask": arrays["ask"][rows],
            "delta": arrays["vendor_delta"][rows],
        }
    )

    def run() -> Done:
        optopsy.iron_condor(frame)
        return Done(orders=0)

    return len(frame), run


if __name__ == "__main__":
    timed(f"optopsy {importlib.metadata.version('optopsy')}", {"condor": condor})
