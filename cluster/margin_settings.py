"""What a broker or venue lends in a backtest: kind of account, margin calls, tiers of perpetuals, fees of borrowing."""

from __future__ import annotations

from decimal import Decimal
from typing import Self

from pydantic import Field, model_validator

from backtest.costs.carry import BorrowFees, ConstantRate
from cluster.feed_settings import SettingsPart
from execution.margin_call import CureBy, MarginCallRules, ReadAt
from market.errors import ConfigError
from risk.margin.perpetual import MaintenanceBasis, MarginTier, PerpetualTerms
from risk.margin.reg_t import AccountKind, RegTRules

__all__ = ["CallSettings", "MarginSettings", "PerpetualMargin", "TierSettings"]


class TierSettings(SettingsPart):
    """Rates of a perpetual up to some notional."""

    up_to: Decimal | None = Field(None, gt=0, description="Notional, quote currency; none for the last tier.")
    initial_rate: Decimal = Field(gt=0, le=1, description="Least initial margin: one over the largest leverage.")
    maintenance_rate: Decimal = Field(gt=0, lt=1, description="Maintenance margin of the part in the tier.")


class PerpetualMargin(SettingsPart):
    """What a venue asks for one perpetual; figures differ by venue and change, so that none is brought along."""

    symbol: str = Field(min_length=1, max_length=40, description="The perpetual.")
    tiers: tuple[TierSettings, ...] = Field(min_length=1, max_length=50, description="Rates, notionals rising.")
    fee_rate: Decimal = Field(Decimal(0), ge=0, lt=1, description="Closing fee of a liquidation, of the notional.")
    basis: MaintenanceBasis = Field(MaintenanceBasis.MARK, description="Notional of the maintenance: mark or entry.")

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        try:
            self.terms()
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return self

    def terms(self) -> PerpetualTerms:
        """Return the terms as margin takes them."""
        return PerpetualTerms(
            tiers=tuple(
                MarginTier(
                    up_to=Decimal("Infinity") if tier.up_to is None else tier.up_to,
                    initial_rate=tier.initial_rate,
                    maintenance_rate=tier.maintenance_rate,
                )
                for tier in self.tiers
            ),
            fee_rate=self.fee_rate,
            basis=self.basis,
        )


class CallSettings(SettingsPart):
    """How the broker keeps watch over the maintenance of shares and options."""

    watch: bool = Field(True, description="Whether it is read at all; without it nothing is called and nothing closed.")
    read_at: ReadAt = Field(ReadAt.CLOSE, description="At the close of each session, or always: at every instant.")
    cure_by: CureBy = Field(CureBy.AT_ONCE, description="The broker closes at once, or from the next close on.")
    beyond: Decimal = Field(
        Decimal("0.02"), ge=0, le=1, description="Limit beyond the closing side, fraction; attempt n: n times."
    )
    beyond_least: Decimal = Field(Decimal("0.05"), ge=0, description="The least of it, quote currency per unit.")

    def rules(self) -> MarginCallRules | None:
        """Return the rules of the watch; None where nobody watches."""
        if not self.watch:
            return None
        return MarginCallRules(
            read_at=self.read_at, cure_by=self.cure_by, beyond=self.beyond, beyond_least=self.beyond_least
        )


class MarginSettings(SettingsPart):
    """What positions require, and what is borrowed; docs/backtest/margin-and-costs.md explains the rules."""

    account: AccountKind = Field(AccountKind.MARGIN, description="A margin or a cash account.")
    broad: tuple[str, ...] = Field((), max_length=500, description="Further underlyings margined as broad indices.")
    leverage: Decimal | None = Field(
        None, ge=1, description="Each perpetual has collateral of its own at this leverage; else they share the cash."
    )
    calls: CallSettings = CallSettings()  # type: ignore[call-arg]  # every field has a default
    perpetuals: tuple[PerpetualMargin, ...] = Field((), description="Tiers; without them the whole notional.")
    borrow: dict[str, Decimal] = Field({}, description="Yearly fee of borrowed shares by symbol, fraction.")
    borrow_others: Decimal | None = Field(
        None, ge=0, description="Yearly fee of all other shares; none with no fee given: borrowing costs nothing."
    )

    @model_validator(mode="after")
    def _fees(self) -> Self:
        for symbol, rate in self.borrow.items():
            if not rate >= 0:
                raise ValueError(f"the borrow fee of {symbol} must be a fraction >= 0")
        symbols = [item.symbol for item in self.perpetuals]
        if len(set(symbols)) != len(symbols):
            raise ValueError("a perpetual has its tiers twice")
        return self

    def rules(self) -> RegTRules:
        """Return the rules of shares and options."""
        plain = RegTRules(account=self.account)
        return RegTRules(account=self.account, broad=plain.broad | frozenset(self.broad))

    def perpetual_terms(self) -> dict[str, PerpetualTerms]:
        """Return the terms of perpetuals by symbol."""
        return {item.symbol: item.terms() for item in self.perpetuals}

    def borrow_fees(self) -> BorrowFees | None:
        """Return the fees of borrowed shares; None where none is given."""
        if not self.borrow and self.borrow_others is None:
            return None
        return BorrowFees(
            rates={symbol: ConstantRate(rate=rate) for symbol, rate in self.borrow.items()},
            others=None if self.borrow_others is None else ConstantRate(rate=self.borrow_others),
        )
