"""What an outcome is found again by: the content of everything that decides it, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from backtest.history import History
from cluster.backtest_settings import BacktestSettings, DataSettings
from cluster.backtests.origins import config_digest
from cluster.histories.digests import digest_of_code
from execution.identity import digest_of
from tuning.work import Block

__all__ = ["evaluation_code", "evaluation_keys"]

_VERSION: Final = "evaluation-1"
# Readers and wiring too: the same bytes of a file are another history where they are read otherwise.
_PACKAGES: Final = (
    *("market", "fields", "risk", "strategies", "execution", "backtest", "adapters", "cluster"),
    "tuning.evaluation",
)
_LIBRARIES: Final = ("numba", "numpy", "pandas-market-calendars", "pyarrow", "scipy", "ta-lib")
_PLACES: Final = frozenset({"path", "place"})  # keys of data that say where something lies, and not what it is


def evaluation_code() -> str:
    """Return the version of all code that decides an outcome, as `cluster.histories.digests.digest_of_code`."""
    return digest_of_code(_PACKAGES, _LIBRARIES)


def evaluation_keys(
    settings: BacktestSettings, blocks: Sequence[Block], history: History, code: str
) -> tuple[str, ...]:
    """Return the keys of the outcomes of some settings.

    Parameters
    ----------
    settings : BacktestSettings
        At a point of the space.
    blocks : sequence of Block
        Their instants count, and not their indices, which are those of one sweep.
    history : History
        Its sources tell the content that was read, and by their names as which series.
    code : str
        As `evaluation_code`.

    Returns
    -------
    tuple of str
        SHA-256 for each block: the same for the same content under whatever name, in whatever folder; another where a
        value, a byte of the data or of the code is another.
    """
    data = sorted((each.name, each.digest, each.rows, each.first_ns, each.last_ns) for each in history.sources)
    shared = digest_of((_VERSION, config_digest(settings), _read_as(settings.data), data, code))
    return tuple(digest_of((shared, block.first_ns, block.last_ns)) for block in blocks)


def _read_as(data: DataSettings) -> Any:
    """Return how data are read, without the places that they lie in."""
    told = data.model_dump(mode="json", by_alias=True)
    files = told.get("files")
    if files is not None:
        files["chains"] = len(files["chains"])
        files["factors"] = sorted(files["factors"])
    for kind in ("files", "midpoints"):
        if told.get(kind) is not None:
            told[kind]["inputs"] = [_named(each) for each in told[kind]["inputs"]]
    return {
        kind: {name: value for name, value in table.items() if name not in _PLACES}
        for kind, table in told.items()
        if table is not None
    }


def _named(told: str | dict[str, Any]) -> dict[str, str]:
    """Return what is wanted of a file of inputs, and what it is called."""
    return {} if isinstance(told, str) else dict(told["names"])
