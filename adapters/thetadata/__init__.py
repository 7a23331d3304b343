"""ThetaData's terminal, version 3: plain HTTP on this machine into chains, trades with their quotes, and files."""

from adapters.thetadata.chains import GreekMinute, chains_of, open_interest_of
from adapters.thetadata.download import DownloadedDay, DownloadKind, DownloadStatus, download_days, read_trade_quotes
from adapters.thetadata.fetch import (
    fetch_greeks_for_date,
    fetch_open_interest,
    fetch_trade_quotes,
    list_contracts,
)
from adapters.thetadata.terminal import TerminalConfig, ThetaFormat, ThetaTerminal
from adapters.thetadata.trades import trades_and_quotes

__all__ = [
    "DownloadKind",
    "DownloadStatus",
    "DownloadedDay",
    "GreekMinute",
    "TerminalConfig",
    "ThetaFormat",
    "ThetaTerminal",
    "chains_of",
    "download_days",
    "fetch_greeks_for_date",
    "fetch_open_interest",
    "fetch_trade_quotes",
    "list_contracts",
    "open_interest_of",
    "read_trade_quotes",
    "trades_and_quotes",
]
