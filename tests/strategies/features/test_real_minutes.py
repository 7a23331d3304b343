"""Features on recorded minutes: what synthetic ones may lack, real ones have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from adapters.inputs.files import read_inputs
from market.bars import BarBatch
from strategies.features import column_of, stream_of
from strategies.features.feature import bars_of, cut
from strategies.views import BarWindow
from tests.strategies.features.scenes import HIGHER, PLAIN

pytestmark = pytest.mark.data

_SPY = "spy_1min_20240220_20240517.parquet"
_SPX = "spx_1min_2026.parquet"
_LIMITS = {"rsi": (0.0, 100.0), "k": (0.0, 100.0), "d": (0.0, 100.0), "adx": (0.0, 100.0), "percent_rank": (0.0, 1.0)}
_NEEDS_VOLUME = {"volume_ratio", "rolling_vwap", "vwap", "vwap_deviation", "volume_1h", "vwap_15m"}


def _minutes(path: Path) -> BarWindow:
    """Return the newest 9 000 bars of the first symbol of a file."""
    batch = next(rows.message for rows in read_inputs(path) if isinstance(rows.message, BarBatch))
    window = BarWindow(**{name: getattr(batch, name) for name in BarWindow.__dataclass_fields__})
    return cut(window, max(0, batch.n_bars - 9_000), batch.n_bars)


@pytest.mark.parametrize("name", [_SPY, _SPX])
def test_streams_give_the_bits_of_columns_on_recorded_minutes(data_root: Path, name: str) -> None:
    """With its pre- and after-market where it has one; an index has no volume, and nothing that needs it."""
    bars = _minutes(data_root / "underlying" / name)
    rows = bars_of(bars)
    assert len(rows) == 9_000
    for feature in (*PLAIN, *HIGHER):
        column, stream = column_of(feature, bars), stream_of(feature)
        assert np.array_equal([stream.update(bar) for bar in rows], column, equal_nan=True), feature.name
        if feature.name in _NEEDS_VOLUME and not np.isfinite(bars.volume).any():
            assert np.isnan(column).all(), feature.name
            continue
        low, high = _LIMITS.get(feature.name, (-np.inf, np.inf))
        known = column[np.isfinite(column)]
        assert known.size > 0.4 * len(rows) or feature.name == "rsi_1w", feature.name  # some weeks are not many
        assert ((known >= low) & (known <= high)).all(), feature.name
