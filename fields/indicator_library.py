"""TA-Lib with the settings that every indicator here is defined by: one door to it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from market.errors import ConfigError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["indicator_library"]

# Of those that are called here, the functions whose first values the library's process-wide setting would take away.
_SMOOTHED: Final = ("ADX", "ATR", "CMO", "EMA", "RSI")


@lru_cache(maxsize=1)
def _loaded() -> ModuleType:
    import talib  # it imports pandas: only where an indicator is asked for

    return talib


def indicator_library() -> ModuleType:
    """Return TA-Lib, held against its defaults.

    Returns
    -------
    module
        ``talib``; its handles (``talib.stream``) cannot be pickled, and lock its settings while they live.

    Raises
    ------
    ConfigError
        Somebody has changed its settings, which are those of the whole process.
    """
    library = _loaded()
    changed = [name for name in _SMOOTHED if library.get_unstable_period(name)]
    if changed or library.get_compatibility():
        raise ConfigError(
            "somebody in this process has changed the settings of TA-Lib",
            found=f"unstable periods of {', '.join(changed)}" if changed else "its Metastock compatibility",
            expected="its defaults, which every indicator here is defined by",
            action="take talib.set_unstable_period and talib.set_compatibility out",
        )
    return library
