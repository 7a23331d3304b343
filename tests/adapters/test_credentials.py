"""Keys of vendors: where they are found, and where they never show."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from adapters.credentials import Credentials, load_credentials
from market.errors import ConfigError

_TEXT = """\
[alpaca]
api_key = "file-key"  # pragma: allowlist secret
api_secret = "file-secret"  # pragma: allowlist secret
[fred]
api_key = "token"  # pragma: allowlist secret
"""
_PAIR = {"key": "k", "secret": "s"}


def _file(folder: Path, text: str = _TEXT, mode: int = 0o600) -> Path:
    path = folder / "credentials.toml"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_environment_goes_before_the_file(tmp_path: Path) -> None:
    """A variable is what its user set last; the file fills in where there is none."""
    path = _file(tmp_path)
    environ = {"ALPACA_API_KEY": "k", "ALPACA_API_SECRET": "s"}
    assert load_credentials("alpaca", environ=environ, file=path) == Credentials(vendor="alpaca", **_PAIR)
    assert load_credentials("alpaca", environ={}, file=path).secret == "file-" + "secret"  # pragma: allowlist secret
    assert load_credentials("alpaca", environ={"HEDGEFIELD_CREDENTIALS": str(path)}).key == "file-key"
    assert load_credentials("fred", with_secret=False, environ={}, file=path).key == "token"


def test_half_a_pair_is_no_key(tmp_path: Path) -> None:
    """The error names the variables and the section, not the value that is there."""
    one = {"ALPACA_API_KEY": "visible"}  # pragma: allowlist secret
    with pytest.raises(ConfigError, match="ALPACA_API_SECRET") as caught:
        load_credentials("alpaca", environ=one, file=tmp_path / "none.toml")
    assert "visible" not in str(caught.value)


def test_a_file_in_a_repository_is_refused(tmp_path: Path) -> None:
    """A key there is a commit away from the world."""
    (tmp_path / ".git").mkdir()
    with pytest.raises(ConfigError, match="lies in a repository"):
        load_credentials("alpaca", environ={}, file=_file(tmp_path))


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """The error says how to close it."""
    with pytest.raises(ConfigError, match="chmod 600"):
        load_credentials("alpaca", environ={}, file=_file(tmp_path, mode=0o644))


def test_a_broken_file_is_told_without_its_lines(tmp_path: Path) -> None:
    """A parser's message would quote the key."""
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        load_credentials("alpaca", environ={}, file=_file(tmp_path, '[alpaca]\napi_key = "open-secret\n'))
    assert "open-secret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_text_of_credentials_hides_them() -> None:
    """A pickle goes to a process that needs them; a text goes to a log."""
    credentials = Credentials(vendor="alpaca", **_PAIR)
    assert repr(credentials) == "Credentials(vendor='alpaca')"
    assert pickle.loads(pickle.dumps(credentials)) == credentials  # noqa: S301  # our own bytes
