"""What the data of a run are worth: rows that cannot be, gaps, and how much of them is simulated."""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np

from backtest.audit.findings import AuditFinding
from backtest.bar_faults import bars_at_odds, bars_without_price
from backtest.history import ChainSequence, History
from market.bars import BarBatch
from market.trades import QuoteBatch

__all__ = ["data_quality"]

_MOST_CHAINS: Final = 50
_LONG_GAP: Final = 10.0  # of the usual distance of two bars within a day
_DAY_NS: Final = 86_400_000_000_000
# Told, and no fault of a row: a market pauses, and a reader leaves out what is no contract of the chain.
_GAPS: Final = "gaps within a day"
_LEFT_OUT: Final = "contracts that the reader left out"


def data_quality(history: History, *, bound: float = 0.01) -> AuditFinding:
    """Count the rows that cannot be what they claim to be.

    Parameters
    ----------
    history : History
        Data of a run.
    bound : float, optional
        Largest share of bad rows that passes.

    Returns
    -------
    AuditFinding
        `value` is the share of bad rows: bars without a price, with a high below another price or a low above one, or
        told twice; quotes crossed or without a side; contracts of up to 50 chains that are crossed. The text counts
        each, and beside them gaps within a day and contracts that the reader left out, which have no bound.
    """
    counts: Counter[str] = Counter()
    n_rows = sum(_bars(batch, counts) for batch in history.bars)
    n_rows += sum(_quotes(batch, counts) for batch in history.quotes)
    n_rows += sum(_chains(chains, counts) for chains in history.chains)
    noted = {what: counts.pop(what, 0) for what in (_GAPS, _LEFT_OUT)}
    bad = sum(counts.values())
    share = bad / n_rows if n_rows else float("nan")
    told = [f"{number} {what}" for what, number in sorted(counts.items()) if number]
    told += [f"{number} {what}" for what, number in noted.items() if number]
    simulated = [source.name for source in history.sources if source.provenance.simulated]
    told += [f"simulated: {', '.join(simulated)}"] if simulated else []
    return AuditFinding(
        name="data_quality",
        passed=share <= bound if n_rows else None,
        value=share,
        bound=bound,
        text=f"{n_rows} rows checked; {'; '.join(told) or 'nothing found'}",
    )


def _bars(batch: BarBatch, counts: Counter[str]) -> int:
    keys = np.stack((batch.contract.astype(np.int64), batch.end_ns))
    counts["bars without a close"] += bars_without_price(batch)
    counts["bars with a high or low that is none"] += bars_at_odds(batch)
    counts["bars told twice"] += batch.n_bars - int(np.unique(keys, axis=1).shape[1])
    for contract in np.unique(batch.contract).tolist():
        distance = np.diff(np.sort(batch.end_ns[batch.contract == contract]))
        inside = distance[(distance > 0) & (distance < _DAY_NS // 2)]
        usual = float(np.median(inside)) if inside.size else 0.0
        counts[_GAPS] += int(np.count_nonzero(inside > _LONG_GAP * usual))
    return batch.n_bars


def _quotes(batch: QuoteBatch, counts: Counter[str]) -> int:
    has_both = (batch.bid > 0.0) & (batch.ask > 0.0)
    counts["quotes without a side"] += int(np.count_nonzero(~has_both))
    counts["quotes crossed"] += int(np.count_nonzero(has_both & (batch.bid > batch.ask)))
    return int(batch.contract.shape[0])


def _chains(chains: ChainSequence, counts: Counter[str]) -> int:
    n_chains = int(chains.available_ns.shape[0])
    places = np.unique(np.linspace(0, n_chains - 1, min(n_chains, _MOST_CHAINS)).astype(np.int64))
    n_rows = 0
    for place in places.tolist() if n_chains else []:
        chain = chains.chain(place)
        n_rows += chain.n_contracts
        counts["contracts crossed"] += int(np.count_nonzero((chain.bid > chain.ask) & (chain.ask > 0.0)))
        counts[_LEFT_OUT] += sum(chain.dropped.values())
    return n_rows
