"""Keys of vendors: from the environment or a file outside the repository, and never in a text that is logged."""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from market.errors import ConfigError

__all__ = ["Credentials", "keep_at_home", "load_credentials"]

_FILE_VARIABLE = "HEDGEFIELD_CREDENTIALS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A key and its secret; neither stands in the text form.

    Parameters
    ----------
    vendor : str
        Whose they are, such as ``alpaca``.
    key, secret : str
        As the vendor gave them; a vendor with a single token has an empty secret.
    """

    vendor: str
    key: str = field(repr=False)
    secret: str = field(default="", repr=False)


def keep_at_home(throw_away: Credentials | None, *, emulated: bool) -> None:
    """Refuse a key inside a recipe, which travels, unless its venue is on this machine and the key is worth nothing.

    Parameters
    ----------
    throw_away : Credentials or None
        The key, if any.
    emulated : bool
        Whether the venue is on this machine.
    """
    if throw_away is not None and not emulated:
        raise ConfigError("a key would travel", expected="a venue on this machine", action="leave throw_away out")


def load_credentials(
    vendor: str, *, with_secret: bool = True, environ: Mapping[str, str] | None = None, file: Path | None = None
) -> Credentials:
    """Return the credentials of a vendor.

    Parameters
    ----------
    vendor : str
        Name in small letters. ``alpaca`` reads ``ALPACA_API_KEY`` and ``ALPACA_API_SECRET``, or ``api_key`` and
        ``api_secret`` in the section ``[alpaca]`` of the file.
    with_secret : bool
        Whether the vendor has a secret beside the key.
    environ : mapping, optional
        Instead of the process's environment.
    file : Path, optional
        A TOML file; otherwise that of ``HEDGEFIELD_CREDENTIALS``, else ``~/.config/hedgefield/credentials.toml``.

    Returns
    -------
    Credentials
        The environment goes before the file.

    Raises
    ------
    ConfigError
        Where there are none, where the file lies in a version-controlled folder, or where others may read it.
    """
    given = os.environ if environ is None else environ
    names = [f"{vendor.upper()}_API_KEY", f"{vendor.upper()}_API_SECRET"][: 1 + with_secret]
    values = [given.get(name, "") for name in names]
    path = file or Path(given.get(_FILE_VARIABLE) or Path.home() / ".config" / "hedgefield" / "credentials.toml")
    if not all(values) and path.is_file():
        section = _read(path).get(vendor, {})
        told = section if isinstance(section, dict) else {}
        values = [str(told.get(name, "")) for name in ("api_key", "api_secret")[: 1 + with_secret]]
    if not all(values):
        raise ConfigError(
            f"there is no key for {vendor}",
            expected=f"{' and '.join(names)} in the environment, or the section [{vendor}] in {path}",
            action="set them; keep the file outside every repository and readable by you alone",
        )
    return Credentials(vendor=vendor, key=values[0], secret=values[1] if with_secret else "")


def _read(path: Path) -> dict[str, object]:
    resolved = path.resolve()
    if any((folder / ".git").exists() for folder in resolved.parents):
        raise ConfigError(
            "a file of keys lies in a repository", found=str(path), action="move it out, and change the keys"
        )
    if os.name == "posix" and resolved.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError("others may read a file of keys", found=str(path), action=f"chmod 600 {path}")
    try:
        return tomllib.loads(resolved.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        # The parser's own message may quote the line that holds the key.
        raise ConfigError("a file of keys cannot be read", found=str(path), expected="TOML") from None
