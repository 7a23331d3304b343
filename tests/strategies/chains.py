"""Chains of an hour before the close, and packages of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import numpy as np

from market.chains import OptionChain
from market.orders import Leg
from strategies.chain_lookup import ChainLookup
from strategies.views import ChainView, HeldPackage
from tests.generators import Expiry, flat_smile, synthetic_chain
from tests.strategies.scene import NOW_NS

TODAY = Expiry(date(2023, 6, 2))
IN_FIVE_WEEKS = Expiry(date(2023, 7, 7))


def chain_at(
    spot: float = 4000.0,
    *,
    expiries: Sequence[Expiry] = (TODAY, IN_FIVE_WEEKS),
    as_of_ns: int = NOW_NS,
    root: str = "SPXW",
) -> OptionChain:
    """Return a chain of every fifth strike around 4000 at a flat 20 %, quotes a tenth wide."""
    strikes = np.arange(3400.0, 4605.0, 5.0)
    return synthetic_chain(spot, expiries, strikes, smile=flat_smile(), half_spread=0.05, as_of_ns=as_of_ns, root=root)


def view_at(spot: float = 4000.0, *, as_of_ns: int = NOW_NS) -> ChainView:
    """Return a view of `chain_at`."""
    return ChainLookup().view(chain_at(spot, as_of_ns=as_of_ns))


def held(
    legs: tuple[Leg, ...], credit: float, *, strategy: str, structure: str, opened_ns: int = NOW_NS
) -> HeldPackage:
    """Return one package that was sold for a credit."""
    return HeldPackage(
        package_id="p1",
        strategy=strategy,
        structure=structure,
        legs=legs,
        quantity=Decimal(1),
        opened_ns=opened_ns,
        entry_price=-credit,
        is_whole=True,
    )
