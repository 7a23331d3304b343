"""Which series feeds which input of the regimes, as a configuration names them."""

from __future__ import annotations

from math import exp

import pytest
from pydantic import ValidationError

from cluster.readings_settings import ReadingsSettings
from fields.config import Dynamics, FieldConfig
from fields.signals import SignalKind


def test_names_replace_single_inputs_and_leave_the_rest() -> None:
    """The others keep the names of the code."""
    found = ReadingsSettings.model_validate({"series": {"vix": "VIXCLS"}, "bars": {"SPX": "I:SPX"}}).live().context
    assert (found.series["vix"], found.series["vix9d"], found.series["rate"]) == ("VIXCLS", "VIX9D", "DFF")
    assert found.bars == {"SPX": "I:SPX"}


def test_an_input_that_does_not_exist_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(ValidationError, match="no input is called vex; there are vix"):
        ReadingsSettings.model_validate({"series": {"vex": "VIX"}})


_CALIBRATION = {"kind": "momentum", "n": 300, "brier": 0.24, "fitted_until": "2023-12-29T21:00:00Z"}


def test_a_calibration_is_that_of_the_signals() -> None:
    """A logistic map, or knots of a rising one; it is not used before the end of the data that it knows."""
    told = [{**_CALIBRATION, "platt": [0.0, 0.5]}, {**_CALIBRATION, "kind": "vanna", "isotonic": [[0, 0.5], [2, 0.6]]}]
    platt, rising = ReadingsSettings.model_validate({"calibrations": told}).live().calibrations
    assert platt.curve.probability(2.0) == pytest.approx(1.0 / (1.0 + exp(-1.0)))
    assert platt.fitted_until_ns == 1_703_883_600_000_000_000
    assert rising.kind is SignalKind.VANNA
    assert rising.curve.probability(1.0) == pytest.approx(0.55)


@pytest.mark.parametrize(
    ("told", "what"),
    [
        ([_CALIBRATION], "needs one map"),
        ([{**_CALIBRATION, "isotonic": [[2, 0.5], [1, 0.6]]}], "must rise"),
        ([{**_CALIBRATION, "platt": [0.0, 0.5]}] * 2, "two calibrations of momentum"),
    ],
)
def test_a_calibration_that_cannot_be_is_refused(told: list[dict[str, object]], what: str) -> None:
    """No map, one that falls, or two of a kind."""
    with pytest.raises(ValidationError, match=what):
        ReadingsSettings.model_validate({"calibrations": told})


def test_an_impact_stands_in_the_fields_of_its_symbol_with_its_source() -> None:
    """Feedback is known where an impact is told, and nowhere else; the name says whose assumption it is."""
    told = {"impact": {"SPX": {"return_per_usd": 2e-13, "source": "assumed: by hand"}}}
    (config,) = ReadingsSettings.model_validate(told).fields().values()
    assert (config.impact_return_per_usd, config.impact_source) == (2e-13, "assumed: by hand")
    assert not ReadingsSettings.model_validate({}).fields()


def test_settings_of_fields_differ_where_they_are_told() -> None:
    """Tables within tables by name; an impact of a symbol stands on them, and all else is as usual."""
    told = {"field": {"dynamics": "sticky_moneyness", "horizon_min": 60}, "impact": {"SPX": {"return_per_usd": 2e-13}}}
    found = ReadingsSettings.model_validate(told)
    assert found.field_config() == FieldConfig(dynamics=Dynamics.STICKY_MONEYNESS, horizon_min=60.0)
    assert found.fields()["SPX"].dynamics is Dynamics.STICKY_MONEYNESS
    assert ReadingsSettings.model_validate({}).field_config() == FieldConfig()


@pytest.mark.parametrize(
    ("told", "what"),
    [
        ({"dynamcs": "sticky_strike"}, "did you mean dynamics"),
        ({"dynamics": "sticky"}, "dynamics cannot be"),
        ({"ladder_points": 400}, "must be odd"),
        ({"impact_return_per_usd": 1e-13}, "told by symbol"),
        ({"position_source": "flow"}, "needs trades or a book"),
    ],
)
def test_settings_of_fields_that_cannot_be_are_refused(told: dict[str, object], what: str) -> None:
    """An unknown name with the nearest, a bound of the class, and what a backtest has no data for."""
    with pytest.raises(ValidationError, match=what):
        ReadingsSettings.model_validate({"field": told})
