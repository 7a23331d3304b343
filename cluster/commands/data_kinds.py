"""Names of data sets as a user types them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from market.errors import ConfigError

if TYPE_CHECKING:
    from adapters.store import DataKind

__all__ = ["kinds_named"]


def kinds_named(name: str | None) -> tuple[DataKind, ...]:
    """Return the data set of a name, or all where there is none.

    Parameters
    ----------
    name : str or None
        Such as ``chains`` or ``bars``.

    Returns
    -------
    tuple of DataKind
        One or all.

    Raises
    ------
    ConfigError
        There is no such data set.
    """
    from adapters.store import DataKind

    if name is None:
        return tuple(DataKind)
    if name not in set(DataKind):
        raise ConfigError(
            "there is no such kind of data",
            found=name,
            expected=f"one of {', '.join(DataKind)}",
            action="correct --kind",
        )
    return (DataKind(name),)
