"""Environments of other engines: made on demand under a cache folder outside the tree, reused afterwards."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["COMPARATORS", "Comparator", "default_folder", "prepared"]

_INSTALL_S: Final = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparator:
    """Another engine.

    Parameters
    ----------
    package, version : str
        Distribution.
    driver : str
        Module of its driver.
    cases : tuple of str
        What it is run on.
    licence : str
        Its licence; the reason why it is never a dependency.
    beside : tuple of str
        What it imports without declaring it.
    """

    package: str
    version: str
    driver: str
    cases: tuple[str, ...]
    licence: str
    beside: tuple[str, ...] = ()


COMPARATORS: Final = (
    Comparator(
        package="nautilus_trader",
        version="1.221.0",
        driver="benchmarks.compare.drivers.drive_nautilus",
        cases=("bars",),
        licence="LGPL-3.0",
    ),
    Comparator(
        package="vectorbt",
        version="1.2.0",
        driver="benchmarks.compare.drivers.drive_vectorbt",
        cases=("bars", "sweep"),
        licence="Apache-2.0 with Commons Clause",
    ),
    Comparator(
        package="backtesting",
        version="0.6.6",
        driver="benchmarks.compare.drivers.drive_backtesting",
        cases=("bars",),
        licence="AGPL-3.0",
    ),
    Comparator(
        package="optopsy",
        version="2.2.0",
        driver="benchmarks.compare.drivers.drive_optopsy",
        cases=("condor",),
        licence="AGPL-3.0",
    ),
)
"""What is compared with."""


def default_folder() -> Path:
    """Return the cache folder of the environments."""
    return Path.home() / ".cache" / "hedgefield" / "comparators"


def prepared(comparator: Comparator, folder: Path) -> Path | str:
    """Return the interpreter of an environment that has a package, made if need be.

    Parameters
    ----------
    comparator : Comparator
        What it must have.
    folder : Path
        Where environments are kept.

    Returns
    -------
    Path or str
        The interpreter; or why there is none, such as without a network.
    """
    place = folder / f"{comparator.package}-{comparator.version}"
    interpreter = place / "bin" / "python"
    if _has(interpreter, comparator):
        return interpreter
    wanted = f"{comparator.package}=={comparator.version}"
    steps = (
        [sys.executable, "-m", "venv", "--clear", str(place)],
        [
            str(interpreter),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            wanted,
            *comparator.beside,
        ],
    )
    for step in steps:
        try:
            done = subprocess.run(step, capture_output=True, text=True, timeout=_INSTALL_S, check=False)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{wanted} cannot be installed: {error}"
        if done.returncode:
            return f"{wanted} cannot be installed: {(done.stderr or done.stdout).strip().splitlines()[-1:]}"
    return interpreter


def _has(interpreter: Path, comparator: Comparator) -> bool:
    if not interpreter.exists():
        return False
    probe = f"import importlib.metadata as m; print(m.version({comparator.package!r}))"
    done = subprocess.run(  # noqa: S603  # our own arguments
        [str(interpreter), "-c", probe], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() == comparator.version
