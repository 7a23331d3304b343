"""The folder of a study: each file whole or not at all, and a mark until all of them are written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from backtest.reports.folder import RunFolder
from tuning.reports.files import outer_days_csv, study_json, trials_csv
from tuning.reports.page import study_as_html
from tuning.studies.answer import StudyAnswer
from tuning.studies.winner import WinnerFile

__all__ = ["PAGE", "SWEEP_COPY", "study_files", "write_study"]

PAGE: Final = "study.html"
"""Name of the page."""

SWEEP_COPY: Final = "sweep.toml"
"""Name of the configuration of the sweep, as it was run."""


def study_files(answer: StudyAnswer, winner: WinnerFile) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file of a study; the same study gives the same bytes.

    Parameters
    ----------
    answer : StudyAnswer
        The study.
    winner : WinnerFile
        Its choice as a configuration.

    Yields
    ------
    tuple of (str, bytes)
        In the order in which they are written.
    """
    yield winner.name, winner.text.encode()
    yield from winner.files.items()
    yield "study.json", study_json(answer)
    yield "trials.csv", trials_csv(answer)
    yield "outer_days.csv", outer_days_csv(answer)
    yield PAGE, study_as_html(answer)


def write_study(folder: RunFolder, answer: StudyAnswer, winner: WinnerFile, sweep_text: str) -> None:
    """Write a study into its folder.

    Parameters
    ----------
    folder : RunFolder
        It has begun; afterwards it is complete.
    answer : StudyAnswer
        The study.
    winner : WinnerFile
        Its choice as a configuration.
    sweep_text : str
        Configuration of the sweep, as it was run.

    Raises
    ------
    DataError
        The disk is full, or the folder may not be written; the mark of the folder stays.
    """
    folder.put(SWEEP_COPY, sweep_text.encode())
    for name, content in study_files(answer, winner):
        folder.put(name, content)
    folder.complete()
