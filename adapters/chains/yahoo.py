"""Yahoo chains, with the column names of the public API: collected at an instant, labelled with a session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from adapters.chains.assemble import Contracts, SnapshotKey, Spot
from adapters.chains.columns import ColumnReader
from adapters.chains.occ import parse_occ
from adapters.chains.table import Layout, Stamp, at_session_close, label_occ
from market.calendars import session_on
from market.instruments import product_of
from market.provenance import AsOfSource

__all__ = ["LAYOUTS"]

_NAT = np.iinfo(np.int64).min
_LATEST_COLLECTION_NS = 4 * 86_400 * 1_000_000_000  # a session's label outlives a long weekend at most


def _stamp(value: object, rows: pa.Table, symbol: str, path: Path) -> Stamp:
    """Take the newest trade as the as-of instant: bid and ask belong to the collection, not to the label."""
    close = at_session_close(value, rows, symbol, path)
    trades = ColumnReader(rows).instant_ns("lasttradedate")
    session = session_on(product_of(symbol).calendar, close.session)
    newest = int(trades.max(initial=_NAT, where=trades <= close.ts_event_ns + _LATEST_COLLECTION_NS))
    if session is None or newest < session.open_ns:
        return close
    return Stamp(session=close.session, ts_event_ns=newest, as_of_source=AsOfSource.STAMPED)


def _contracts(expiry: str, spot_column: str) -> Callable[[pa.Table, SnapshotKey], Contracts]:
    def contracts(table: pa.Table, key: SnapshotKey) -> Contracts:
        reader = ColumnReader(table)
        symbols = reader.text("contractsymbol")
        occ = parse_occ(symbols)
        strike, expiration = reader.number("strike"), reader.day(expiry)
        columns: dict[str, Any] = {
            name: reader.number(column)
            for name, column in (
                ("bid", "bid"),
                ("ask", "ask"),
                ("last", "lastprice"),
                ("volume", "volume"),
                ("open_interest", "openinterest"),
                ("iv", "impliedvolatility"),
            )
        }
        spot = reader.number(spot_column)
        mismatch = occ.valid & ((np.abs(strike - occ.strike) > 5e-4) | (expiration != occ.expiration))
        return Contracts(
            root=occ.root,
            expiration=occ.expiration,
            right=occ.right,
            strike=strike,
            bad=reader.bad | ~occ.valid | mismatch,
            **columns,
            symbols=symbols,
            spot=Spot(last=float(spot[0]), ts_ns=_spot_instant(key)),
        )

    return contracts


def _spot_instant(key: SnapshotKey) -> int:
    session = session_on(product_of(key.symbol).calendar, key.session)
    # The printed spot is the labelled session's, even where the quotes were collected the day after.
    return key.ts_event_ns if session is None else min(key.ts_event_ns, session.close_ns)


def _layout(time: str, expiry: str, spot: str) -> Layout:
    return Layout(
        name="yahoo",
        required=frozenset({time, expiry, spot, "contractsymbol", "strike", "lasttradedate", "impliedvolatility"}),
        time=time,
        label=label_occ("contractsymbol"),
        label_columns=("contractsymbol",),
        stamp=_stamp,
        stamp_columns=("lasttradedate",),
        contracts=_contracts(expiry, spot),
    )


LAYOUTS = (_layout("session", "expiry", "spot"), _layout("snap_date", "expiration", "spot_price"))
