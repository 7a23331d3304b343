"""Fees of regulators, exchanges and the clearing house by date, as their sources print them, and ready cost models.

Every row names its source in docs/references.bib; docs/backtest/margin-and-costs.md prints the tables and says what is
approximate. A figure for which no source was found does not stand here: the configuration gives it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Final

from backtest.costs.charges import (
    Charge,
    ContractCommission,
    MakerTakerCommission,
    PerContractFee,
    PerShareFee,
    SaleValueFee,
)
from backtest.costs.model import CostModel
from backtest.costs.rates import DatedRate, OutsideTable, RateTable
from market.fills import CostKind

__all__ = [
    "INDEX_OPTION_FEES",
    "NO_COSTS",
    "OCC_CLEARING",
    "OPTIONS_REGULATORY_FEE",
    "SEC_SECTION_31",
    "TAF_OPTIONS",
    "TAF_SHARES",
    "crypto_perpetuals",
    "us_options_and_shares",
]


def _row(year: int, month: int, day: int, rate: str, source: str, most: str = "") -> DatedRate:
    return DatedRate(
        since=date(year, month, day), rate=Decimal(rate), most=Decimal(most) if most else None, source=source
    )


SEC_SECTION_31: Final = RateTable(
    name="SEC section 31 fee",
    rows=(
        _row(2016, 3, 15, "0.0000218", "finra_section_31_2016"),
        _row(2017, 7, 4, "0.0000231", "finra_section_31_2018"),
        _row(2018, 5, 22, "0.0000130", "finra_section_31_2018"),
        _row(2019, 4, 16, "0.0000207", "sec_section_31_2019"),
        _row(2020, 2, 18, "0.0000221", "finra_section_31_2020"),
        _row(2021, 2, 25, "0.0000051", "finra_section_31_2021"),
        _row(2022, 5, 14, "0.0000229", "sec_section_31_2023"),
        _row(2023, 2, 27, "0.0000080", "sec_section_31_2023"),
        _row(2024, 5, 22, "0.0000278", "sec_section_31_2024"),
        _row(2025, 5, 14, "0", "finra_section_31_2025"),
        _row(2026, 4, 4, "0.0000206", "sec_section_31_2026"),
    ),
    checked_until=date(2026, 9, 30),
)
"""Fraction of the proceeds of a sale."""

TAF_SHARES: Final = RateTable(
    name="FINRA trading activity fee, shares",
    rows=(
        _row(2017, 7, 4, "0.000119", "motif_fees", "5.95"),
        _row(2022, 1, 1, "0.000130", "finra_fees_2020", "6.49"),
        _row(2023, 1, 1, "0.000145", "finra_fees_2020", "7.27"),
        _row(2024, 1, 1, "0.000166", "finra_fees_2020", "8.30"),
        _row(2026, 1, 1, "0.000195", "finra_fees_2024", "9.79"),
    ),
    checked_until=date(2026, 9, 30),
)
"""Per share sold, with the largest charge of one order."""

TAF_OPTIONS: Final = RateTable(
    name="FINRA trading activity fee, options",
    rows=(
        _row(2018, 5, 22, "0.002", "tastyworks_fees"),
        _row(2022, 1, 1, "0.00218", "finra_fees_2020"),
        _row(2023, 1, 1, "0.00244", "finra_fees_2020"),
        _row(2024, 1, 1, "0.00279", "finra_fees_2020"),
        _row(2026, 1, 1, "0.00329", "finra_fees_2024"),
    ),
    checked_until=date(2026, 9, 30),
)
"""Per contract sold."""

OCC_CLEARING: Final = RateTable(
    name="OCC clearing fee",
    rows=(
        _row(2018, 5, 22, "0.05", "alaric_fees"),
        _row(2020, 1, 1, "0.055", "occ_fees_2020", "55"),
        _row(2020, 9, 1, "0.045", "occ_fees_2021", "55"),
        _row(2021, 6, 1, "0.02", "occ_fees_2021", "55"),
        _row(2025, 1, 1, "0.025", "occ_fees_2025"),
    ),
    checked_until=date(2026, 9, 30),
)
"""Per contract and side, with the largest charge of one trade until 2025."""

OPTIONS_REGULATORY_FEE: Final = RateTable(
    name="options regulatory fee, all exchanges (approximate)",
    rows=(
        _row(2011, 5, 1, "0.0225", "traderstatus_fees"),
        _row(2013, 1, 1, "0.0377", "traderstatus_fees"),
        _row(2014, 2, 1, "0.0396", "traderstatus_fees"),
        _row(2015, 8, 1, "0.0427", "traderstatus_fees"),
        _row(2018, 5, 22, "0.0388", "tastyworks_fees"),
        _row(2023, 2, 27, "0.02905", "autoshares_fees"),
        _row(2024, 5, 22, "0.02685", "alpaca_fees_2024"),
        _row(2025, 5, 14, "0.01410", "webull_fees_2025"),
        _row(2026, 7, 20, "0.015", "alpaca_fees_2026"),
    ),
    checked_until=date(2026, 9, 30),
)
"""Per contract and side, as brokers passed it on: each row from the first day on which its page can have stood."""

_NO_END: Final = "Infinity"
# Roots, lowest and highest price of the tier, rate since 2022-05-14 and since 2025-05-14 with its source.
_INDEX_TIERS: Final = (
    (("SPX", "SPXPM"), "0", "1", "0.65", "0.57", "webull_fees_2025"),
    (("SPX", "SPXPM"), "1", _NO_END, "0.65", "0.66", "webull_fees_2025"),
    (("SPXW",), "0", "1", "0.65", "0.49", "webull_fees_2025"),
    (("SPXW",), "1", _NO_END, "0.65", "0.58", "webull_fees_2025"),
    (("VIX", "VIXW"), "0", "0.11", "0.65", "0.10", "webull_fees_2025"),
    (("VIX", "VIXW"), "0.11", "1", "0.65", "0.25", "webull_fees_2025"),
    (("VIX", "VIXW"), "1", "2", "0.65", "0.40", "webull_fees_2025"),
    (("VIX", "VIXW"), "2", _NO_END, "0.65", "0.45", "lean_webull_fees"),
    (("NDX", "NDXP"), "0", "25", "0.18", "0.65", "lean_webull_fees"),
    (("NDX", "NDXP"), "25", _NO_END, "0.18", "0.90", "lean_webull_fees"),
    (("OEX", "XEO"), "0", _NO_END, "0.40", "", ""),
    (("RUT", "RUTW"), "0", _NO_END, "0.18", "", ""),
    (("DJX",), "0", _NO_END, "0.18", "0.18", "lean_webull_fees"),
    (("XSP",), "0", _NO_END, "0.07", "0.07", "lean_webull_fees"),
)


def _index_fee(roots: tuple[str, ...], low: str, high: str, first: str, second: str, source: str) -> PerContractFee:
    tier = "" if low == "0" and high == _NO_END else f" from {low}" if high == _NO_END else f" from {low} below {high}"
    early = "optionsroute_fees" if roots[0] in ("NDX", "RUT", "OEX") else "tastyworks_index_fees"
    rows = [_row(2022, 5, 14, first, early)]
    rows += [_row(2025, 5, 14, second, source)] if second else []
    return PerContractFee(
        kind=CostKind.EXCHANGE,
        table=RateTable(
            name=f"exchange fee of {', '.join(roots)}{tier} (approximate)",
            rows=tuple(rows),
            checked_until=date(2025, 12, 31) if second else date(2022, 12, 31),
        ),
        roots=frozenset(roots),
        from_price=Decimal(low),
        below_price=Decimal(high),
    )


INDEX_OPTION_FEES: Final = tuple(_index_fee(*tier) for tier in _INDEX_TIERS)
"""What brokers pass on per contract for an exchange's own index products, by premium."""

NO_COSTS: Final = CostModel(name="no costs")


def us_options_and_shares(
    commissions: tuple[Charge, ...] = (ContractCommission(),), *, outside: OutsideTable = OutsideTable.CARRY
) -> CostModel:
    """Return the costs of a retail account in the United States: commissions, and all fees that brokers pass on.

    Parameters
    ----------
    commissions : tuple of Charge
        The broker's own; by default 0.65 per option contract both ways, and nothing for shares. Empty for a broker
        without commissions.
    outside : OutsideTable
        What to do on days for which a fee was not checked; `CostModel.gaps` names them.

    Returns
    -------
    CostModel
        For options on shares, funds and indices, and for shares.
    """
    regulatory: tuple[Charge, ...] = (
        SaleValueFee(kind=CostKind.REGULATORY, table=SEC_SECTION_31, outside=outside),
        PerShareFee(kind=CostKind.REGULATORY, table=TAF_SHARES, outside=outside),
        PerContractFee(kind=CostKind.REGULATORY, table=TAF_OPTIONS, sales_only=True, outside=outside),
        PerContractFee(kind=CostKind.REGULATORY, table=OPTIONS_REGULATORY_FEE, outside=outside),
        PerContractFee(kind=CostKind.CLEARING, table=OCC_CLEARING, outside=outside),
    )
    exchange = tuple(replace(fee, outside=outside) for fee in INDEX_OPTION_FEES)
    broker = ", ".join(charge.name for charge in commissions) or "no commission"
    return CostModel(name=f"US retail: {broker}; fees by date", charges=(*commissions, *regulatory, *exchange))


def crypto_perpetuals(*, maker_bps: Decimal, taker_bps: Decimal) -> CostModel:
    """Return the costs of perpetuals on a crypto venue; rates depend on venue and volume, so the user gives them.

    Parameters
    ----------
    maker_bps, taker_bps : Decimal
        Basis points of the notional; a rebate is negative.

    Returns
    -------
    CostModel
        Funding is not in it: it is booked as money, see `execution.funding`.
    """
    commission = MakerTakerCommission(maker_bps=maker_bps, taker_bps=taker_bps)
    return CostModel(name=f"perpetuals: {commission.name}", charges=(commission,))
