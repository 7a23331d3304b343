"""Which code, machine and settings a run stood on, so that it can be made again or refused."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import lru_cache
from hashlib import sha256
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from backtest.history import DataSource
from cluster.backtest_settings import BacktestSettings
from cluster.program import program_version
from execution.identity import digest_of

__all__ = ["code_version", "config_digest", "environment", "same_code", "sources_that_differ", "strategy_sources"]

# What decides a result; pages and adapters of vendors do not.
_PACKAGES: Final = ("market", "fields", "risk", "strategies", "execution", "backtest")
_LIBRARIES: Final = ("numpy", "scipy", "numba", "arch", "pyarrow", "pandas-market-calendars")
_LENGTH: Final = 16


@lru_cache(maxsize=1)
def code_version() -> str:
    """Return what tells the code of a run apart.

    Returns
    -------
    str
        Version of the program, the commit where it runs from a checkout, and a digest of the sources that decide a
        result: a commit alone says nothing of files that were changed since.
    """
    found = sha256()
    for name in _PACKAGES:
        root = Path(str(import_module(name).__file__)).parent
        for path in sorted(root.rglob("*.py")):
            if "reports" not in path.relative_to(root).parts:
                found.update(f"{name}/{path.relative_to(root).as_posix()}\n".encode())
                found.update(path.read_bytes())
    return " ".join(filter(None, (program_version(), _commit(), f"sources {found.hexdigest()[:_LENGTH]}")))


def same_code(then: str, now: str) -> bool:
    """Return whether two runs stood on the same sources; the commit may differ where they do not."""
    return then.rpartition("sources ")[2] == now.rpartition("sources ")[2]


def _commit() -> str:
    root = Path(str(import_module(_PACKAGES[0]).__file__)).parents[1]
    if not (root / ".git").exists():
        return ""
    safe = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    command = ["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"]
    try:
        done = subprocess.run(  # noqa: S603  # our own words
            command, env=os.environ | safe, capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return f"commit {done.stdout.strip()}"


def config_digest(settings: BacktestSettings) -> str:
    """Return the digest of what can change a result: name, report, provenance and places of files are left out.

    Parameters
    ----------
    settings : BacktestSettings
        The configuration.

    Returns
    -------
    str
        SHA-256. The same strategy on the same dates with the same models is the same trial under whatever name.
    """
    told = settings.model_dump(mode="json", by_alias=True)
    del told["run"]["name"], told["report"], told["data"], told["provenance"]
    sources = strategy_sources(settings)
    return digest_of(told | {"strategy_sources": sources} if sources else told)


def strategy_sources(settings: BacktestSettings) -> dict[str, str]:
    """Return the digest of the files of each strategy that is the user's own, by what it is called."""
    return {item.called: item.source_digest for item in settings.strategies if item.source_digest}


def environment() -> dict[str, Any]:
    """Return machine and libraries of this process."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": platform.machine(),
        "libraries": {name: found for name in _LIBRARIES if (found := _version(name))},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def sources_that_differ(then: tuple[DataSource, ...], now: tuple[DataSource, ...]) -> list[str]:
    """Return what is not the same in the data of two runs, in words; empty where all is.

    Parameters
    ----------
    then, now : tuple of DataSource
        Of the recorded run, and as they are read now.

    Returns
    -------
    list of str
        One per source.
    """
    old, new = ({source.name: source.digest for source in each} for each in (then, now))
    words = [f"{name}: it was not read then" for name in new.keys() - old.keys()]
    words += [f"{name}: it is not read now" for name in old.keys() - new.keys()]
    words += [
        f"{name}: {old[name][:_LENGTH]} then, {new[name][:_LENGTH]} now"
        for name in old.keys() & new.keys()
        if old[name] != new[name]
    ]
    return sorted(words)
