"""Where a configuration comes from: shown, and without influence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backtest.reports.codec import decoded, encoded
from backtest.reports.origin_section import origin_section
from backtest.results import RunDescription
from cluster.backtests.origins import config_digest
from cluster.backtests.reading import settings_of
from cluster.backtests.running import description_of
from market.errors import ConfigError
from tests.backtest.reports.samples import description, sample_run

_PLAIN = """[run]
name = "x"
from = 2025-06-02
to = 2025-06-03
[data.simulated]
market = "calm"
[strategy]
kind = "noop"
"""
_TOLD = _PLAIN + '[provenance]\nstudy = "weights"\ntrials = "240"\n'


def test_provenance_is_described_and_changes_no_digest() -> None:
    """The words of a winner reach the run, and the run is the same trial as without them."""
    plain, told = settings_of(_PLAIN, "x"), settings_of(_TOLD, "x")
    assert config_digest(plain) == config_digest(told)
    assert description_of(told, 1).provenance == (("study", "weights"), ("trials", "240"))
    assert description_of(plain, 1).provenance == ()


def test_provenance_takes_plain_texts_alone() -> None:
    """A number or a table under [provenance] is told with its place."""
    with pytest.raises(ConfigError, match=r"\[provenance\] trials"):
        settings_of(_PLAIN + "[provenance]\ntrials = 240\n", "x")


def test_a_record_keeps_provenance_and_an_older_one_has_none() -> None:
    """What was written is read back; a record of before the field is read as one without."""
    about = replace(description(), provenance=(("study", "weights"),))
    assert decoded(RunDescription, encoded(about), {}) == about
    older = {name: value for name, value in encoded(about).items() if name != "provenance"}
    assert decoded(RunDescription, older, {}) == replace(about, provenance=())


def test_the_report_shows_provenance() -> None:
    """The page of origins has a table of it where there is some."""
    run = sample_run()
    shown = origin_section(replace(run, description=replace(run.description, provenance=(("study", "weights"),))))
    assert any(getattr(block, "rows", ()) == (("study", "weights"),) for block in shown.blocks)
    assert len(shown.blocks) == len(origin_section(run).blocks) + 1
