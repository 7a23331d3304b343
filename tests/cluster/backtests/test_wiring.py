"""From a configuration and its data to strategies."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from backtest.history import History
from cluster.backtests.reading import settings_of
from cluster.backtests.wiring import shared_fields, strategies_of
from fields.config import Dynamics
from fields.snapshot import Feedback
from market.errors import ConfigError
from tests.generators import Expiry, synthetic_chain

_HEAD = """[run]
name = "x"
from = 2025-06-02
to = 2025-06-03

[data.simulated]
market = "calm"

"""


def test_an_underlying_without_chains_is_refused() -> None:
    """A misspelt underlying would hold still all the way; what needs no chain is not asked for one."""
    condor = settings_of(
        f'{_HEAD}[strategy]\nkind = "zero_dte_condor"\nparameters = {{ underlying = "SIM.SXP" }}', "x.toml"
    )
    with pytest.raises(ConfigError, match=r"no option chains of its underlying; found SIM\.SXP"):
        strategies_of(condor, History(sources=()))
    assert len(strategies_of(settings_of(f'{_HEAD}[strategy]\nkind = "noop"', "x.toml"), History(sources=()))) == 1


def test_fields_of_a_run_have_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What [readings.field] tells reaches every field, beside the impact of a symbol; without it all is as usual."""
    monkeypatch.setenv("HEDGEFIELD_HOME", str(tmp_path))
    chain = synthetic_chain(expiries=(Expiry(date(2023, 6, 9)),), half_spread=0.1)
    told = '[readings.field]\ndynamics = "sticky_moneyness"\n'
    impact = f'[readings.impact."{chain.symbol}"]\nreturn_per_usd = 2e-13\n'
    found = {}
    for text in ("", told, told + impact):
        field = shared_fields(settings_of(f'{_HEAD}[strategy]\nkind = "noop"\n{text}', "x.toml"))(chain)
        assert field is not None
        found[text] = (field.dynamics, field.regime.feedback is Feedback.UNKNOWN)
    assert found == {
        "": (Dynamics.STICKY_STRIKE, True),
        told: (Dynamics.STICKY_MONEYNESS, True),
        told + impact: (Dynamics.STICKY_MONEYNESS, False),
    }
