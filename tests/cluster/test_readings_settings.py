"""Which series feeds which input of the regimes, as a configuration names them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from cluster.readings_settings import ReadingsSettings


def test_names_replace_single_inputs_and_leave_the_rest() -> None:
    """The others keep the names of the code."""
    found = ReadingsSettings(series={"vix": "VIXCLS"}, bars={"SPX": "I:SPX"}).live().context
    assert (found.series["vix"], found.series["vix9d"], found.series["rate"]) == ("VIXCLS", "VIX9D", "DFF")
    assert found.bars == {"SPX": "I:SPX"}


def test_an_input_that_does_not_exist_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(ValidationError, match="no input is called vex; there are vix"):
        ReadingsSettings(series={"vex": "VIX"}, bars={})
