"""Which program this is."""

from __future__ import annotations

__all__ = ["program_version"]


def program_version() -> str:
    """Return the version of the installed distribution, or ``unknown (not installed)``."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("hedgefield")
    except PackageNotFoundError:
        return "unknown (not installed)"
