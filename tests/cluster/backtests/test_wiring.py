"""From a configuration and its data to strategies."""

from __future__ import annotations

import pytest

from backtest.history import History
from cluster.backtests.reading import settings_of
from cluster.backtests.wiring import strategies_of
from market.errors import ConfigError

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
