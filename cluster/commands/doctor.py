"""``hedgefield doctor``: whether this machine can run the system, and what slows it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

__all__ = ["Check", "doctor"]

_PACKAGES: Final = ("ray", "numba", "numpy", "scipy", "pandas", "nicegui", "plotly", "fastapi", "sqlalchemy")
_LEAST_MEMORY: Final = 2.0e9
_LEAST_DISK: Final = 1.0e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One finding.

    Parameters
    ----------
    name : str
        What was looked at.
    ok : bool
        Whether it is as it should be.
    essential : bool
        Whether the system cannot run without it.
    found : str
        What was found.
    action : str
        What to do where it is not well.
    """

    name: str
    ok: bool
    essential: bool
    found: str
    action: str = ""


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,  # noqa: FBT002
    no_ray: Annotated[bool, typer.Option("--no-ray", help="Leave out the start of a cluster.")] = False,  # noqa: FBT002
    venue: Annotated[str | None, typer.Option(help="Look for this venue's key, and ask it for its time.")] = None,
) -> None:
    """Check versions, kernels, clock, calendars, ports, disk, memory, keys and Ray; exit 1 if something fails."""
    looks: list[Callable[[], Check]] = [
        _python,
        _packages,
        _kernels,
        _processor,
        _clock,
        _calendars,
        _ports,
        _disk,
        _memory,
        _browser,
    ]
    looks += [lambda: _keys(venue)]
    looks += [] if venue is None else [lambda: _venue(venue)]
    looks += [] if no_ray else [_ray]
    checks = [_look(look) for look in looks]
    healthy = all(check.ok or not check.essential for check in checks)
    if as_json:
        import json

        typer.echo(json.dumps({"healthy": healthy, "checks": [asdict(check) for check in checks]}))
    else:
        _print(checks)
    raise typer.Exit(0 if healthy else 1)


def _look(look: Callable[[], Check]) -> Check:
    try:
        return look()
    except Exception as error:  # noqa: BLE001  # a check that breaks is a finding, not the end of the examination
        name = look.__name__.removeprefix("_")
        return Check(name=name, ok=False, essential=True, found=f"{type(error).__name__}: {error}", action="see above")


def _print(checks: list[Check]) -> None:
    from rich.console import Console

    console = Console(soft_wrap=True)
    for check in checks:
        mark, style = ("ok  ", "green") if check.ok else ("FAIL", "red") if check.essential else ("note", "yellow")
        console.print(mark, style=style, end=" ")
        tail = "" if check.ok or not check.action else f" -> {check.action}"
        console.print(f"{check.name}: {check.found}{tail}", markup=False, highlight=False)


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    return Check(
        name="python",
        ok=(3, 11) <= sys.version_info[:2] <= (3, 14),
        essential=True,
        found=found,
        action="use Python 3.11 to 3.14",
    )


def _packages() -> Check:
    from importlib.metadata import PackageNotFoundError, version

    from cluster.program import program_version

    found, missing = [f"hedgefield {program_version()}"], []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    text = ", ".join(found) + (f"; missing: {', '.join(missing)}" if missing else "")
    return Check(name="packages", ok=not missing, essential=True, found=text, action="install hedgefield again")


def _kernels() -> Check:
    began = time.perf_counter()
    from fields.warm import warm_kernels

    warm_kernels()
    first_s = time.perf_counter() - began
    import numba

    cache = os.environ.get("NUMBA_CACHE_DIR", "beside the sources")
    return Check(
        name="kernels",
        ok=first_s < 20.0,
        essential=False,
        found=f"numba {numba.__version__}, loaded and warm in {first_s:.1f} s, cache {cache}",
        action="they were compiled now; run again to see the time with a warm cache",
    )


def _processor() -> Check:
    from cluster.runtime import usable_cores

    cpuinfo = Path("/proc/cpuinfo")
    words = set(cpuinfo.read_text(encoding="utf-8").split()) if cpuinfo.exists() else set()
    level = "AVX-512" if "avx512f" in words else "AVX2" if "avx2" in words else "neither AVX2 nor AVX-512"
    return Check(
        name="processor",
        ok="avx2" in words or not words,
        essential=False,
        found=f"{usable_cores()} usable cores, {level}",
        action="the kernels will be slow",
    )


def _clock() -> Check:
    wall, steady = time.get_clock_info("time"), time.get_clock_info("perf_counter")
    year = time.gmtime().tm_year
    return Check(
        name="clock",
        ok=2024 <= year < 2100 and wall.resolution <= 1e-3,
        essential=True,
        found=f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}, resolution {wall.resolution:g} s "
        f"(wall), {steady.resolution:g} s (steady)",
        action="set the machine's clock",
    )


def _calendars() -> Check:
    from market.calendars import session_on
    from market.clock import SystemClock, datetime_of_ns

    today = datetime_of_ns(SystemClock().now_ns()).date()
    year = today.year + 2
    names = ("NYSE", "CBOE_Index_Options", "CBOE_Equity_Options")
    closed = [name for name in names if session_on(name, today.replace(year=year, month=1, day=1)) is not None]
    return Check(
        name="calendars",
        ok=not closed,
        essential=True,
        found=f"{', '.join(names)} know {year}" if not closed else f"open on New Year's Day {year}: {closed}",
        action="update pandas-market-calendars",
    )


def _ports() -> Check:
    from cluster.runtime import free_port, is_free

    first = free_port(8000)
    return Check(
        name="ports",
        ok=is_free(8000),
        essential=False,
        found="8000 is free" if first == 8000 else f"8000 is taken, {first} is free",
        action="`up` takes the free one; --port asks for another",
    )


def _disk() -> Check:
    import shutil

    home = Path(os.environ.get("HEDGEFIELD_HOME", "~/.hedgefield")).expanduser()
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    free, writable = shutil.disk_usage(there).free, os.access(there, os.W_OK)
    return Check(
        name="disk",
        ok=free >= _LEAST_DISK and writable,
        essential=True,
        found=f"{free / 1e9:.1f} GB free at {there}" + ("" if writable else ", not writable"),
        action="free some space, or set HEDGEFIELD_HOME",
    )


def _memory() -> Check:
    path = Path("/proc/meminfo")
    if not path.exists():
        return Check(name="memory", ok=True, essential=False, found="unknown on this system")
    lines = dict(line.split(":", 1) for line in path.read_text(encoding="utf-8").splitlines())
    available = float(lines["MemAvailable"].split()[0]) * 1024.0
    return Check(
        name="memory",
        ok=available >= _LEAST_MEMORY,
        essential=False,
        found=f"{available / 1e9:.1f} GB available",
        action="two shards, gateway and Ray need 2 GB",
    )


def _keys(venue: str | None) -> Check:
    from cluster.commands.doctor_venues import keys_found

    ok, found = keys_found(venue)
    return Check(
        name="keys",
        ok=ok,
        essential=venue is not None,
        found=found,
        action="only live data of these vendors need one; docs/guides/alpaca.md says where it is read from",
    )


def _venue(name: str) -> Check:
    from cluster.commands.doctor_venues import venue_answer

    ok, found = venue_answer(name)
    return Check(name="venue", ok=ok, essential=True, found=found, action="check the network, the key and the clock")


def _browser() -> Check:
    import shutil

    known = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "firefox", "msedge"))), None)
    return Check(
        name="browser",
        ok=known is not None,
        essential=False,
        found=known or "none found on this machine",
        action="only needed to look at the page here; pictures by --plot need none",
    )


def _ray() -> Check:
    import tempfile

    from cluster.runtime import start_ray

    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="hf-") as folder:
        runtime = start_ray(Path(folder), num_cpus=1, object_store_mb=100)
        try:
            import ray

            cores = ray.cluster_resources().get("CPU", 0.0)  # type: ignore[no-untyped-call]  # Ray leaves it untyped
            ready_s = time.perf_counter() - began
        finally:
            runtime.stop()
    return Check(name="ray", ok=cores == 1.0, essential=True, found=f"a local cluster starts in {ready_s:.1f} s")
