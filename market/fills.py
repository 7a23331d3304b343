"""What a venue has done: executions, each with its costs."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from market.errors import DataError
from market.tradables import Instrument

__all__ = ["Cost", "CostKind", "Fill", "Liquidity"]


class Liquidity(StrEnum):
    """Whether an execution took a resting price or was one."""

    TAKER = "taker"
    MAKER = "maker"


class CostKind(StrEnum):
    """What is charged for an execution."""

    COMMISSION = "commission"
    EXCHANGE = "exchange"
    REGULATORY = "regulatory"  # ORF, SEC section 31, TAF
    CLEARING = "clearing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One charge.

    Parameters
    ----------
    kind : CostKind
        What for.
    amount : Decimal
        Account currency; a rebate is negative.
    """

    kind: CostKind
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution of one leg; the only thing that changes a position besides expiry and corporate actions.

    Parameters
    ----------
    fill_id : str
        Told apart by the venue; the same id is the same execution.
    order_id : str
        Client order id of the order.
    cause_id : str
        Id of the decision.
    package_id : str
        The position that it belongs to.
    strategy : str
        Name of the strategy.
    ts_event_ns : int
        Instant of the execution, ns since the epoch, UTC.
    instrument : Instrument
        What was traded.
    quantity : Decimal
        Positive bought, negative sold; never 0.
    price : Decimal
        Per unit of the underlying, quote currency.
    costs : tuple of Cost
        All that is charged for it.
    liquidity : Liquidity
        Taker or maker.
    simulated : bool
        True where no venue executed it, or the quotes were simulated.
    """

    fill_id: str
    order_id: str
    cause_id: str
    package_id: str
    strategy: str
    ts_event_ns: int
    instrument: Instrument
    quantity: Decimal
    price: Decimal
    costs: tuple[Cost, ...]
    liquidity: Liquidity
    simulated: bool

    def __post_init__(self) -> None:
        if not self.quantity.is_finite() or self.quantity == 0 or not self.price.is_finite():
            raise DataError(
                "a fill cannot be",
                found=f"{self.fill_id}: {self.quantity} at {self.price}",
                expected="a finite quantity other than 0 at a finite price",
                action="ask the venue for the order's executions",
            )

    @property
    def total_cost(self) -> Decimal:
        """Sum of all charges, account currency."""
        return sum((cost.amount for cost in self.costs), Decimal(0))
