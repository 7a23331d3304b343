"""ThetaData's terminal, version 3: plain HTTP on this machine into chains and trades with their quotes."""

from adapters.thetadata.chains import GreekMinute, chains_of, open_interest_of
from adapters.thetadata.fetch import (
    fetch_greeks_for_date,
    fetch_open_interest,
    fetch_trade_quotes,
    list_contracts,
)
from adapters.thetadata.terminal import TerminalConfig, ThetaFormat, ThetaTerminal
from adapters.thetadata.trades import trades_and_quotes

__all__ = [
    "GreekMinute",
    "TerminalConfig",
    "ThetaFormat",
    "ThetaTerminal",
    "chains_of",
    "fetch_greeks_for_date",
    "fetch_open_interest",
    "fetch_trade_quotes",
    "list_contracts",
    "open_interest_of",
    "trades_and_quotes",
]
