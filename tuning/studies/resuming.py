"""What makes two runs the same study, so that one may go on where the other was broken off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from cluster.backtest_settings import BacktestSettings
from cluster.backtests.origins import config_digest
from cluster.histories.digests import digest_of_code
from execution.identity import digest_of
from market.errors import ConfigError
from tuning.configuration.settings import SweepSettings
from tuning.space.space import Space

__all__ = ["StudyIdentity", "identity_of", "sweep_code"]

_PACKAGES: Final = ("market", "fields", "risk", "strategies", "execution", "backtest", "cluster", "tuning")
_LIBRARIES: Final = ("numpy", "scipy", "numba", "optuna", "cmaes")
# They change where and how fast a study is run and kept, not what it finds.
_FREE: Final = ("resources", "keeping")
_WORDS: Final = {
    "settings": "its settings are others",
    "space": "its space is another",
    "data": "its data are others",
    "code": "its code is another",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyIdentity:
    """Digests of what decides the outcome of a study.

    Parameters
    ----------
    settings : str
        Of the sweep and of the backtest that it varies.
    space : str
        Of what may be tried.
    data : str
        Of what is read.
    code : str
        Of the program and of the libraries that reckon.
    """

    settings: str
    space: str
    data: str
    code: str

    @property
    def digest(self) -> str:
        """Of all four."""
        return digest_of(self)

    def as_dict(self) -> dict[str, str]:
        """Return the digests by name."""
        return asdict(self)

    def differences(self, other: Mapping[str, Any]) -> tuple[str, ...]:
        """Return in words what is unlike in digests by name; empty where nothing is."""
        return tuple(words for name, words in _WORDS.items() if other.get(name) != getattr(self, name))

    def require_same(self, other: Mapping[str, Any] | None, study: str) -> None:
        """Refuse to go on with a study that was begun with something else.

        Parameters
        ----------
        other : mapping of str to object or None
            What is known of the study; None where it was not begun by a sweep.
        study : str
            Its name.

        Raises
        ------
        ConfigError
            With all that differs, and what to do.
        """
        if other is None:
            raise ConfigError(
                "a study of this name is not one of a sweep",
                found=study,
                action="give the sweep another name in [sweep] name",
            )
        differ = self.differences(other)
        if differ:
            raise ConfigError(
                f"the study {study} cannot go on",
                found="; ".join(differ),
                expected="what it was begun with",
                action="bring that back, or leave --resume out: outcomes that still hold are found and not run again",
            )


def identity_of(sweep: SweepSettings, base: BacktestSettings, space: Space, data_digest: str) -> StudyIdentity:
    """Return what a study is told from others by.

    Parameters
    ----------
    sweep : SweepSettings
        Its settings; workers, memory and places do not count, nor does the file in which the base stands.
    base : BacktestSettings
        The backtest that it varies.
    space : Space
        What may be tried.
    data_digest : str
        As `cluster.trials.digest_of_data`.

    Returns
    -------
    StudyIdentity
        Equal for two runs that must give the same answer.
    """
    told = sweep.model_dump(mode="json", exclude={*_FREE, "base", "space"})
    del told["sweep"]["base"], told["sweep"]["name"]
    return StudyIdentity(
        settings=digest_of((told, config_digest(base))), space=space.digest, data=data_digest, code=sweep_code()
    )


def sweep_code() -> str:
    """Return the digest of all that decides what a sweep finds: the packages, and the libraries that reckon."""
    return digest_of_code(_PACKAGES, _LIBRARIES)
