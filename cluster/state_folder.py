"""The state folder: token, and one folder per run that goes with the run."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from cluster.leftovers import kill_session
from market.errors import ConfigError

__all__ = ["SCRATCH_LINK", "make_run_folder", "prune_runs", "require_state_folder", "token_file"]

SCRATCH_LINK: Final = "scratch"
"""Name of a run folder's link to the folder of Ray's session, which must have a short path."""


def require_state_folder(home: Path) -> Path:
    """Make the state folder where it is missing.

    Parameters
    ----------
    home : pathlib.Path
        State folder.

    Returns
    -------
    pathlib.Path
        The same.

    Raises
    ------
    ConfigError
        It cannot be made, or nothing can be written into it.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        raise ConfigError(
            "the state folder cannot be written",
            found=f"{home}: {error.strerror or error}",
            action="set HEDGEFIELD_HOME to a folder that may be written",
        ) from error
    return home


def token_file(home: Path, given: SecretStr | None, run_folder: Path) -> Path:
    """Return a file, readable by its owner alone, that holds the gateway's token.

    Parameters
    ----------
    home : pathlib.Path
        State folder.
    given : SecretStr or None
        Token of the settings; without one the file ``token`` of the state folder is used, and made where missing.
    run_folder : pathlib.Path
        Where a given token is written, so that it never stands in a deployment's configuration.

    Returns
    -------
    pathlib.Path
        The file.
    """
    if given is not None:
        return _private_file(run_folder / "token", given.get_secret_value())
    path = home / "token"
    if not path.exists():
        return _private_file(path, secrets.token_urlsafe(32))
    if path.stat().st_mode & 0o077:
        raise ConfigError(
            "others can read the token file",
            found=f"mode {path.stat().st_mode & 0o777:o} of {path}",
            expected="mode 600",
            action=f"chmod 600 {path}",
        )
    return path


def _private_file(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content + "\n")
    return path


def make_run_folder(home: Path, run_id: str) -> Path:
    """Make the folder of a run, for checkpoints and Ray's credentials; only its owner may look into it."""
    folder = home / "runs" / run_id
    folder.mkdir(parents=True, mode=0o700)
    return folder


def prune_runs(home: Path) -> int:
    """Remove folders of runs whose process is gone, with what is left of their Ray sessions, and return how many.

    Parameters
    ----------
    home : pathlib.Path
        State folder; the name of a run begins with its process id.
    """
    removed = 0
    for folder in (home / "runs").glob("*-*"):
        pid = folder.name.split("-", maxsplit=1)[0]
        if pid.isdigit() and not _is_alive(int(pid)):
            scratch = folder / SCRATCH_LINK
            if scratch.is_symlink():
                kill_session(scratch.readlink())
                shutil.rmtree(scratch.readlink(), ignore_errors=True)
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    return removed


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # signal 0 only asks
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
