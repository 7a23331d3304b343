"""A client with the key of the environment, and one budget of requests for all processes that use it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from adapters.credentials import load_credentials
from adapters.limits import SharedLimiter
from adapters.polygon.client import PolygonClient, PolygonConfig

__all__ = ["connected_client"]

_VENDOR = "polygon"


@contextmanager
def connected_client(
    config: PolygonConfig | None = None,
    *,
    per_min: int = 5,
    environ: Mapping[str, str] | None = None,
    budget_folder: Path | None = None,
) -> Iterator[PolygonClient]:
    """Open a client with the key from ``POLYGON_API_KEY`` or from the file of keys, and close it at the end.

    Parameters
    ----------
    config : PolygonConfig, optional
        Where the vendor is and how it is asked.
    per_min : int
        Requests in any minute that the plan allows, over all processes of this machine with the key.
    environ : mapping, optional
        Instead of the process's environment.
    budget_folder : Path, optional
        Where the budget is kept, as `adapters.limits.SharedLimiter` says.

    Yields
    ------
    PolygonClient
        For one thread.

    Raises
    ------
    ConfigError
        There is no key.
    """
    key = load_credentials(_VENDOR, with_secret=False, environ=environ).key
    budget = SharedLimiter(_VENDOR, key, per_min=per_min, folder=budget_folder)
    client = PolygonClient(key, config, budget=budget)
    try:
        yield client
    finally:
        client.close()
        budget.close()
