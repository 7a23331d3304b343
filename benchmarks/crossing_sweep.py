"""A grid of averages over minute bars as a sweep runs it: through settings, points and blocks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from backtest.history import DataSource, History
from benchmarks.recipes import BAR_TICK
from cluster.backtests.reading import settings_of
from market.bars import BarBatch
from market.tradables import Perpetual
from tuning.configuration.settings import ValidationSettings
from tuning.evaluation.blocks import blocks_of
from tuning.evaluation.evaluator import Evaluator
from tuning.space.declaring import space_of
from tuning.work import Item, Point

__all__ = ["crossing_sweep"]

_BLOCKS = 10
_BASE = """
[run]
name = "grid"
from = {first}
to = {last}
calendar = "24/7"

[data.files]
inputs = ["bars.csv"]

[account]
cash = 10_000_000

[fills]
latency_ms = 0.0
prints = {{ name = "fixed", half = 0.0 }}

[costs]
model = "none"

[[strategies]]
kind = "moving_average"
parameters = {{ instrument = "{symbol}", fast = 10, slow = 200 }}
"""


def crossing_sweep(bars: BarBatch, windows: Sequence[int]) -> tuple[Evaluator, list[Item]]:
    """Return what runs a sweep over all pairs of windows, and its items.

    Parameters
    ----------
    bars : BarBatch
        Of one symbol.
    windows : sequence of int
        In bars, rising.

    Returns
    -------
    evaluator : Evaluator
        With ten blocks.
    items : list of Item
        One for each pair, on all blocks.
    """
    symbol = bars.symbol
    coin = Perpetual(symbol=symbol, underlying=symbol, tick=BAR_TICK, lot=Decimal(1), currency="USD")
    first_ns, last_ns = int(bars.end_ns[0]), int(bars.end_ns[-1])
    source = DataSource(
        name="bars", provenance=bars.provenance, digest="", rows=bars.n_bars, first_ns=first_ns, last_ns=last_ns
    )
    history = History(sources=(source,), instruments=(coin,), bars=(bars,))
    first, last = (datetime.fromtimestamp(ns / 1e9, UTC).date() for ns in (first_ns, last_ns))
    base = settings_of(_BASE.format(first=first, last=last, symbol=symbol), "grid")
    path = "strategies.moving_average.parameters"
    fast, slow = ({"low": low, "high": high} for low, high in ((windows[0], windows[-2]), (windows[1], windows[-1])))
    space = space_of({path: {"fast": fast, "slow": slow}}, base)
    blocks = blocks_of(ValidationSettings.model_validate({"blocks": _BLOCKS}), base, history)
    pairs = [(fast, slow) for fast in windows for slow in windows if fast < slow]
    items = [
        Item(number=n, point=Point.of({f"{path}.fast": fast, f"{path}.slow": slow}), blocks=tuple(range(_BLOCKS)))
        for n, (fast, slow) in enumerate(pairs)
    ]
    return Evaluator(base, space, history, blocks), items
