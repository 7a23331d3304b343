"""Addresses of venues: which are on this machine, and which a key may be sent to."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from market.errors import ConfigError

__all__ = ["is_local", "require_safe"]

_LOCAL: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_ENCRYPTED: Final = frozenset({"https", "wss"})


def is_local(address: str) -> bool:
    """Return whether an address is on this machine: what answers there is simulated."""
    return urlsplit(address).hostname in _LOCAL


def require_safe(*addresses: str) -> None:
    """Refuse addresses of one venue that would mix the simulated with the real, or send a key in the clear.

    Parameters
    ----------
    *addresses : str
        Of its requests and of its streams.

    Raises
    ------
    ConfigError
        Some are on this machine and some are not, or one elsewhere is not encrypted.
    """
    # Without user and password, which may stand before the host.
    shown = ", ".join(f"{urlsplit(one).scheme}://{urlsplit(one).hostname}" for one in addresses)
    if len({is_local(one) for one in addresses}) > 1:
        raise ConfigError(
            "a venue is half on this machine",
            found=shown,
            expected="requests and streams at one venue, so that no simulated row passes for a real one",
            action="give both addresses, or neither",
        )
    if any(not is_local(one) and urlsplit(one).scheme not in _ENCRYPTED for one in addresses):
        raise ConfigError(
            "a key would travel in the clear",
            found=shown,
            expected="https and wss for an address that is not on this machine",
            action="correct the address",
        )
