"""One budget of requests for all processes of a machine that use one key."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Final, final

from pyrate_limiter import Duration, Limiter, Rate, SQLiteBucket

from market.errors import ConfigError, VenueError

__all__ = ["SharedLimiter", "shared_folder"]

_FOLDER_VARIABLE: Final = "HEDGEFIELD_LIMITS"
_SECOND_MS: Final = 1_000


@final
class SharedLimiter:
    """Counts requests in a small database that every process with the same key opens.

    Parameters
    ----------
    vendor, key : str
        Whose budget; the key goes into the file's name only as a digest.
    per_min : int
        Requests in any sliding minute, > 0.
    per_s : int, optional
        Requests in any sliding second; below `per_min`, which is at most sixty times as many.
    folder : Path, optional
        Where the database lies; otherwise that of ``HEDGEFIELD_LIMITS``, else a folder of the user's own beside the
        system's temporary files.
    """

    def __init__(
        self, vendor: str, key: str, *, per_min: int, per_s: int | None = None, folder: Path | None = None
    ) -> None:
        if per_min < 1 or (per_s is not None and not 1 <= per_s < per_min <= 60 * per_s):
            raise ConfigError(
                "the budgets of a second and a minute do not fit",
                found=f"{per_s} a second, {per_min} a minute",
                expected="per_s < per_min <= 60 per_s",
            )
        home = folder or shared_folder()
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        digest = hashlib.sha256(f"{vendor}:{key}".encode()).hexdigest()[:16]
        rates = [Rate(per_s, _SECOND_MS)] if per_s else []
        rates.append(Rate(per_min, Duration.MINUTE))
        path = home / f"{vendor}-{digest}.sqlite"
        bucket = SQLiteBucket.init_from_file(rates, db_path=str(path), use_file_lock=True)
        self.path = path
        self._vendor, self._limiter = vendor, Limiter(bucket)

    def take(self, timeout_s: float) -> None:
        """Wait for the right to one request, at most so long; then raise a retryable `VenueError`."""
        if not self._limiter.try_acquire(self._vendor, timeout=timeout_s):
            raise VenueError(
                f"the budget of {self._vendor} requests is used up",
                retryable=True,
                found=f"no free request in {timeout_s:g} s",
                action="ask for less, or raise the budget if the plan allows more",
            )

    def close(self) -> None:
        """Close the database."""
        self._limiter.close()


def shared_folder() -> Path:
    """Return the folder, made where it is missing, in which all processes of this user keep their budgets."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    beside = Path(tempfile.gettempdir()) / f"hedgefield-limits-{user}"
    folder = Path(os.environ.get(_FOLDER_VARIABLE) or beside)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
