"""The configuration of a sweep read and checked; what is wrong is told with its line and the nearest known name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from cluster.backtest_settings import BacktestSettings
from cluster.backtests.reading import line_of, problem_of, settings_of, tables_of, text_of
from market.errors import ConfigError
from tuning.configuration.settings import SweepSettings
from tuning.configuration.toml_text import toml_of

__all__ = ["base_folder", "base_settings", "place_in", "sweep_settings"]

_BASE = "base"


def sweep_settings(text: str, name: str, folder: Path) -> SweepSettings:
    """Return the settings of a sweep's text.

    Parameters
    ----------
    text : str
        TOML.
    name : str
        What the text is called in an error, such as its path.
    folder : pathlib.Path
        Where it stands: its base is looked for there, and strategies of the user's own beside a base that is a table.

    Returns
    -------
    SweepSettings
        Checked, and the backtest that it varies with it; its dimensions are checked by `tuning.space.space_of`.

    Raises
    ------
    ConfigError
        The text is no TOML or says what cannot be, in the sweep or in its base: with file, line, table, key, what was
        found, what was expected and the nearest known name.
    """
    told = tables_of(text, name)
    try:
        settings = SweepSettings.model_validate(told)
    except ValidationError as error:
        raise problem_of(error, name, text, SweepSettings) from error
    if settings.base is None:
        _require_file(settings, text, name, folder)
        base_settings(settings, folder)
        return settings
    try:
        BacktestSettings.model_validate(settings.base, context={"folder": folder})
    except ValidationError as error:
        raise problem_of(error, name, text, BacktestSettings, (_BASE,)) from error
    return settings


def _require_file(settings: SweepSettings, text: str, name: str, folder: Path) -> None:
    path = _path_of(settings, folder)
    if path is not None and not path.is_file():
        where = place_in(text, name)(("sweep", _BASE))
        known = ", ".join(sorted(each.name for each in path.parent.glob("*.toml"))) if path.parent.is_dir() else ""
        raise ConfigError(
            f"{where}[sweep] base names no file",
            found=str(path),
            expected=f"a configuration of a backtest{f', such as {known}' if known else ''}",
            action="its path counts from the folder of the sweep",
        )


def _path_of(settings: SweepSettings, folder: Path) -> Path | None:
    told = settings.sweep.base
    return None if told is None else folder / told.expanduser()


def base_folder(settings: SweepSettings, folder: Path) -> Path:
    """Return the folder that relative paths of the base are looked for in: that of its file, or of the sweep.

    Parameters
    ----------
    settings : SweepSettings
        The sweep.
    folder : pathlib.Path
        Where the sweep stands.

    Returns
    -------
    pathlib.Path
        Unless another folder of data is named.
    """
    path = _path_of(settings, folder)
    return folder if path is None else path.parent


def base_settings(settings: SweepSettings, folder: Path) -> tuple[BacktestSettings, str]:
    """Return the backtest that a sweep varies.

    Parameters
    ----------
    settings : SweepSettings
        The sweep.
    folder : pathlib.Path
        Where the sweep stands.

    Returns
    -------
    settings : BacktestSettings
        Checked.
    text : str
        The same as TOML: its file as it is, or the table ``[base]`` written anew.

    Raises
    ------
    ConfigError
        As `cluster.backtests.reading.read_settings`.
    """
    path = _path_of(settings, folder)
    if path is not None:
        text = text_of(path)
        return settings_of(text, str(path), path.parent), text
    text = toml_of(settings.base or {})
    return settings_of(text, f"[{_BASE}]", folder), text


def place_in(text: str, name: str) -> Callable[[tuple[str, ...]], str]:
    """Return what an error begins with, for keys of a configuration.

    Parameters
    ----------
    text : str
        TOML.
    name : str
        What it is called.

    Returns
    -------
    callable
        From keys to file and line, such as ``sweep.toml, line 12: ``; for `tuning.space.space_of`.
    """

    def place(steps: tuple[str, ...]) -> str:
        line = line_of(text, steps)
        return f"{name}{f', line {line}' if line else ''}: "

    return place
