"""Configurations that spaces are declared over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cluster.backtest_settings import BacktestSettings
from cluster.backtests.reading import settings_of
from strategies.catalogue import CATALOGUE, parameters_of

HEAD: Final = '[run]\nname = "base"\nfrom = 2025-06-02\nto = 2025-06-06\n[data.simulated]\n'
"""What every configuration begins with."""

TWO: Final = f"""{HEAD}
[[strategies]]
kind = "zero_dte_condor"
name = "my.condor"
weight = 0.6
parameters = {{ underlying = "SIM.SPX" }}

[[strategies]]
kind = "iron_condor"
weight = 0.4
[strategies.parameters]
underlying = "SIM.SPX"
penalty = {{ low = 0.12 }}
fuzzy = {{ underlying = "SIM.SPX" }}

[fills]
slippage = {{ name = "fixed", amount = 0.02 }}

[risk]
risk_share = 0.05

[margin]
leverage = 10

[readings.impact."SIM.SPX"]
return_per_usd = 2e-13
"""
"""Two strategies, one with a point in its name, and something told in most tables."""

_UNDEFINED: Final = frozenset({"short_strangle", "short_straddle", "zero_dte_straddle", "intraday_straddle"})
_VALUES: Final = {"underlying": '"SPX"', "instrument": '"SPY"', "allows_undefined_risk": "true"}


def one(kind: str, extra: str = "") -> BacktestSettings:
    """Return a run of one strategy of the catalogue with what it must be told, and `extra` parameters."""
    known = {each.name: each for each in parameters_of(kind)}
    told = [f"{key} = {value}" for key, value in _VALUES.items() if _is_needed(kind, key, known)]
    if "fuzzy" in known:
        told.append('fuzzy = { underlying = "SPX" }')
    told += [extra] if extra else []
    return settings_of(f'{HEAD}[[strategies]]\nkind = "{kind}"\nparameters = {{ {", ".join(told)} }}\n', "base.toml")


def _is_needed(kind: str, key: str, known: Mapping[str, object]) -> bool:
    return key in known and (key != "allows_undefined_risk" or kind in _UNDEFINED)


def kinds() -> tuple[str, ...]:
    """Return the names of the catalogue."""
    return tuple(sorted(CATALOGUE))
