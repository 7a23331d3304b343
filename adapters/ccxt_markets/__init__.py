"""Market data of crypto exchanges through ccxt: bars, quotes, trades, funding and option chains as messages.

`CcxtVenue` reads any exchange that ccxt names; what an exchange lacks is refused by name. `CcxtFeed` delivers one live.
The library comes with the extra ``vendors``.
"""

from __future__ import annotations

from adapters.ccxt_markets.client import ClockSkew, Credentials, VenueClient, VenueConfig
from adapters.ccxt_markets.feed import CcxtFactory, CcxtFeed
from adapters.ccxt_markets.feed_config import CcxtFeedConfig
from adapters.ccxt_markets.redirect import Redirect
from adapters.ccxt_markets.terms import MarketKind, MarketTerms
from adapters.ccxt_markets.throttle import SharedPace
from adapters.ccxt_markets.venue import CcxtVenue, missing_bars

__all__ = [
    "CcxtFactory",
    "CcxtFeed",
    "CcxtFeedConfig",
    "CcxtVenue",
    "ClockSkew",
    "Credentials",
    "MarketKind",
    "MarketTerms",
    "Redirect",
    "SharedPace",
    "VenueClient",
    "VenueConfig",
    "missing_bars",
]
