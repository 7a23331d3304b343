"""The fills of a compiled run as the ledger books them: the same messages and charges as on the event path."""

from __future__ import annotations

from backtest.compiled.target_run import TargetRun
from backtest.costs.model import CostModel
from market.errors import ConfigError
from market.fills import Fill, Liquidity
from market.orders import PositionEffect
from market.tradables import Future, Perpetual, Share

__all__ = ["fills_of"]


def fills_of(
    run: TargetRun, instrument: Share | Perpetual | Future, costs: CostModel, *, strategy: str, simulated: bool = True
) -> tuple[Fill, ...]:
    """Return the fills of a run with their charges.

    Parameters
    ----------
    run : TargetRun
        Executed targets.
    instrument : Share, Perpetual or Future
        What was traded.
    costs : CostModel
        Charges of each fill; as the position does not depend on money, they change nothing but the account.
    strategy : str
        Whom the fills belong to; ids are made of it and of their number, so that the same run has the same ids.
    simulated : bool, optional
        As in `market.fills.Fill`; a compiled run is never a venue's.

    Returns
    -------
    tuple of Fill
        In order; each opening begins a package, which the next closing ends.

    Raises
    ------
    ConfigError
        The instrument is not the one of the bars.
    """
    if instrument.symbol != run.bars.symbol:
        raise ConfigError("fills of another instrument", found=instrument.symbol, expected=run.bars.symbol)
    fills: list[Fill] = []
    n_packages = 0
    for number, each in enumerate(run.executions()):
        n_packages += each.effect is PositionEffect.OPEN
        fills.append(
            Fill(
                fill_id=f"{strategy}.{number}",
                order_id=f"{strategy}.{number}",
                cause_id=f"{strategy}.bar.{each.bar}",
                package_id=f"{strategy}.package.{n_packages}",
                strategy=strategy,
                ts_event_ns=each.ts_ns,
                instrument=instrument,
                quantity=each.quantity,
                price=each.price,
                costs=costs.costs(instrument, each.quantity, each.price, each.ts_ns, each.effect),
                liquidity=Liquidity.TAKER,
                simulated=simulated,
            )
        )
    return tuple(fills)
