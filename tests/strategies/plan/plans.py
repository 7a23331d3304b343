"""Plans of the structures that the tests of the flow open, hold and leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, Final

from strategies.chain_lookup import ChainLookup
from strategies.legs.rules import LegRule, PlacedStructure, Structure, placed
from strategies.legs.strikes import AtSpot, SameStrike
from strategies.package_prices import natural_price
from strategies.plan.entry import EntryRules
from strategies.plan.exits import ExitRules
from strategies.plan.package_plan import PackagePlan
from strategies.plan.schedules import DaysOut, FrontBack
from strategies.plan.sizing import SizeRules
from strategies.structures.iron_condor import condor_by_delta
from strategies.views import ChainView, HeldPackage
from tests.generators import Expiry
from tests.strategies.chains import IN_FIVE_WEEKS, TODAY, chain_at
from tests.strategies.scene import NOW_NS, Scene, SceneAccount

IN_TEN_WEEKS: Final = Expiry(date(2023, 8, 11))
CONDOR: Final = PackagePlan(
    name="condor",
    underlying="SPX",
    structure=condor_by_delta(0.2, 50.0),
    schedule=DaysOut(days=35, shortest=30, longest=45),
    entry=EntryRules(reenters=True, cool_down_s=0.0, max_short_delta=0.4),
    size=SizeRules(risk_share=0.1, max_packages=3),
    exits=ExitRules(stop_multiple=0.5),
)
CALENDAR_LEGS: Final = Structure(
    name="calendar",
    legs=(
        LegRule(ratio=-1, is_call=True, strike=AtSpot()),
        LegRule(ratio=1, is_call=True, strike=SameStrike(leg=0), expiry=1),
    ),
)
FRONT_BACK: Final = FrontBack(
    front=DaysOut(days=35, shortest=30, longest=45), back=DaysOut(days=70, shortest=60, longest=80)
)


@cache
def three_expiries(spot: float = 4000.0, *, as_of_ns: int = NOW_NS) -> ChainView:
    """Return a view of chains that end today, in five and in ten weeks."""
    return ChainLookup().view(chain_at(spot, expiries=(TODAY, IN_FIVE_WEEKS, IN_TEN_WEEKS), as_of_ns=as_of_ns))


def scene(view: ChainView | None = None, *, now_ns: int = NOW_NS, **parts: Any) -> Scene:
    """Return a scene of one chain; what is no part of a scene is one of its account."""
    own = {
        name: parts.pop(name)
        for name in ("features", "quotes", "policies", "read", "points", "closes")
        if name in parts
    }
    chain = three_expiries(as_of_ns=now_ns) if view is None else view
    return Scene(now_ns=now_ns, account=SceneAccount(**parts), chains={"SPX": chain}, **own)


def found(plan: PackagePlan, view: ChainView) -> PlacedStructure:
    """Return the contracts that a plan would take."""
    return placed(view, plan.schedule.series(view), plan.structure)


def opened(
    plan: PackagePlan, view: ChainView, *, package_id: str = "p1", quantity: int = 1, **more: Any
) -> HeldPackage:
    """Return a package of a plan that was opened at the prices of a chain."""
    legs = found(plan, view).legs
    package = HeldPackage(
        package_id=package_id,
        strategy=plan.name,
        structure=plan.structure.name,
        legs=legs,
        quantity=Decimal(quantity),
        opened_ns=NOW_NS - 3_600_000_000_000,
        entry_price=natural_price(view, legs),
        is_whole=True,
        units={leg.instrument.symbol: Decimal(leg.ratio * quantity) for leg in legs},
    )
    return replace(package, **more)


def ratios(legs: Sequence[Any]) -> list[int]:
    """Return the ratios of legs."""
    return [leg.ratio for leg in legs]
