"""Costs of fills: exact amounts, caps over parts, sides, products, and dates that are not known."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.costs.charges import ContractCommission, FlatCommission, PerContractFee, ShareCommission, ShareTier
from backtest.costs.model import CostModel
from backtest.costs.rates import DatedRate, OutsideTable, RateTable, exchange_day
from backtest.costs.schedules import NO_COSTS, crypto_perpetuals, us_options_and_shares
from market.clock import ns_of_utc_midnight
from market.errors import ConfigError, DataError
from market.fills import CostKind, Fill, Liquidity
from market.orders import PositionEffect
from market.tradables import Instrument, Perpetual, Share
from tests.risk.contracts import option

_OPEN, _CLOSE = PositionEffect.OPEN, PositionEffect.CLOSE
_BTC = Perpetual(symbol="BTC/USDT:USDT", underlying="BTC", tick=Decimal("0.1"), lot=Decimal("0.001"))
_HOUR = 3_600 * 1_000_000_000


def _noon(day: date) -> int:
    return ns_of_utc_midnight(day) + 16 * _HOUR


def _by_kind(
    model: CostModel, item: Instrument, quantity: str, price: str, day: date, effect: PositionEffect = _OPEN
) -> dict[CostKind, Decimal]:
    costs = model.costs(item, Decimal(quantity), Decimal(price), _noon(day), effect)
    return {cost.kind: cost.amount for cost in costs}


def test_a_sold_index_option_pays_all_but_section_31() -> None:
    """Two SPXW contracts sold in June 2022: 0.65 commission and 0.65 exchange each, ORF, TAF and OCC, no section 31."""
    spxw = option("P", 4000, root="SPXW")
    assert _by_kind(us_options_and_shares(), spxw, "-2", "5", date(2022, 6, 15)) == {
        CostKind.COMMISSION: Decimal("1.30"),
        CostKind.EXCHANGE: Decimal("1.30"),
        CostKind.REGULATORY: Decimal("0.00436") + Decimal("0.0776"),
        CostKind.CLEARING: Decimal("0.04"),
    }


@pytest.mark.parametrize(("price", "fee"), [("0.95", "0.49"), ("1", "0.58")])
def test_exchange_fees_go_by_premium(price: str, fee: str) -> None:
    """A SPXW option below a dollar pays less than one at a dollar, bought or sold, open or closed."""
    spxw = option("P", 4000, root="SPXW")
    assert _by_kind(us_options_and_shares(), spxw, "1", price, date(2025, 6, 16))[CostKind.EXCHANGE] == Decimal(fee)


def test_a_sold_equity_option_pays_section_31_on_its_premium() -> None:
    """One SPY option sold at 5 in 2023 pays 8.00 per million of 500 dollars; bought it pays neither that nor TAF."""
    spy = option("P", 400)
    sold = _by_kind(us_options_and_shares(()), spy, "-1", "5", date(2023, 6, 15))
    bought = _by_kind(us_options_and_shares(()), spy, "1", "5", date(2023, 6, 15))
    assert sold[CostKind.REGULATORY] - bought[CostKind.REGULATORY] == Decimal("0.004") + Decimal("0.00244")
    assert CostKind.EXCHANGE not in sold
    assert CostKind.COMMISSION not in sold


def test_shares_pay_on_sales_alone() -> None:
    """1,000 shares at 55 sold in 2019 cost 0.119 TAF and 0.715 or 1.1385 of section 31, by the day; bought nothing."""
    share, model = Share(symbol="SPY"), us_options_and_shares()
    assert not _by_kind(model, share, "1000", "55", date(2019, 4, 15))
    before = _by_kind(model, share, "-1000", "55", date(2019, 4, 15))
    after = _by_kind(model, share, "-1000", "55", date(2019, 4, 16))
    assert before == {CostKind.REGULATORY: Decimal("0.119") + Decimal("0.715")}
    assert after == {CostKind.REGULATORY: Decimal("0.119") + Decimal("1.1385")}


@pytest.mark.parametrize(("liquidity", "bps"), [(Liquidity.MAKER, "2"), (Liquidity.TAKER, "5.5")])
def test_perpetuals_pay_by_side_of_the_book(liquidity: Liquidity, bps: str) -> None:
    """A fraction of the notional, the same for buys and sells."""
    model = crypto_perpetuals(maker_bps=Decimal(2), taker_bps=Decimal("5.5"))
    for quantity in (Decimal("0.3"), Decimal("-0.3")):
        (cost,) = model.costs(_BTC, quantity, Decimal(50_000), 0, _OPEN, liquidity=liquidity)
        assert cost.amount == Decimal(15_000) * Decimal(bps) / 10_000


def test_a_rebate_is_a_negative_cost() -> None:
    """A venue that pays its makers does so in the ledger."""
    model = crypto_perpetuals(maker_bps=Decimal(-1), taker_bps=Decimal(5))
    (cost,) = model.costs(_BTC, Decimal(1), Decimal(100), 0, _OPEN, liquidity=Liquidity.MAKER)
    assert cost.amount == Decimal("-0.01")


@given(parts=st.lists(st.integers(1, 2_000), min_size=1, max_size=6), year=st.sampled_from([2020, 2022, 2025]))
def test_an_order_costs_the_same_in_parts(parts: list[int], year: int) -> None:
    """Caps, tiers and minima count the order's leg as a whole, however it is filled."""
    model = CostModel(
        name="test",
        charges=(
            *us_options_and_shares((ContractCommission(most_per_leg=Decimal(10)),)).charges,
            FlatCommission(amount=Decimal(1)),
        ),
    )
    instant = _noon(date(year, 6, 15))
    done, total = 0, Decimal(0)
    for part in parts:
        for cost in model.costs(
            option("P", 400), Decimal(-part), Decimal(2), instant, _OPEN, filled_before=Decimal(done)
        ):
            total += cost.amount
        done += part
    whole = model.costs(option("P", 400), Decimal(-done), Decimal(2), instant, _OPEN)
    assert total == sum(cost.amount for cost in whole)


def test_opening_and_closing_may_cost_differently() -> None:
    """A broker that takes a dollar to open and nothing to close."""
    model = CostModel(name="test", charges=(ContractCommission(to_open=Decimal(1), to_close=Decimal(0)),))
    assert _by_kind(model, option("C", 400), "3", "1", date(2023, 6, 15)) == {CostKind.COMMISSION: Decimal(3)}
    assert not _by_kind(model, option("C", 400), "3", "1", date(2023, 6, 15), _CLOSE)


@pytest.mark.parametrize(
    ("shares", "price", "amount"),
    [("100", "50", "1"), ("300", "50", "1.50"), ("2000", "50", "9.00"), ("10", "1", "0.10")],
)
def test_share_tiers_have_a_floor_and_a_ceiling(shares: str, price: str, amount: str) -> None:
    """0.005 up to 1,000 shares and 0.004 above; at least 1, at most 1 % of the value."""
    tiers = (
        ShareTier(up_to=Decimal(1_000), rate=Decimal("0.005")),
        ShareTier(up_to=Decimal("Infinity"), rate=Decimal("0.004")),
    )
    commission = ShareCommission(tiers=tiers, least=Decimal(1), most_of_value=Decimal("0.01"))
    model = CostModel(name="test", charges=(commission,))
    assert _by_kind(model, Share(symbol="SPY"), shares, price, date(2023, 6, 15)) == {
        CostKind.COMMISSION: Decimal(amount)
    }


def test_a_day_outside_of_a_table_is_refused_or_named() -> None:
    """Outside of its rows and checks a table gives no rate, unless it is carried, which a report says."""
    table = RateTable(
        name="fee",
        rows=(DatedRate(since=date(2022, 1, 1), rate=Decimal(1)), DatedRate(since=date(2023, 1, 1), rate=Decimal(2))),
        checked_until=date(2023, 12, 31),
    )
    model = CostModel(name="test", charges=(PerContractFee(kind=CostKind.EXCHANGE, table=table),))
    for day in (date(2021, 12, 31), date(2024, 1, 1)):
        with pytest.raises(DataError, match="fee is not known"):
            model.costs(option("C", 400), Decimal(1), Decimal(1), _noon(day), _OPEN)
    assert table.on(date(2021, 1, 1), OutsideTable.CARRY).rate == 1
    assert table.on(date(2025, 1, 1), OutsideTable.CARRY).rate == 2
    assert [(gap.first, gap.last) for gap in model.gaps(date(2021, 6, 1), date(2024, 6, 1))] == [
        (date(2021, 6, 1), date(2021, 12, 31)),
        (date(2024, 1, 1), date(2024, 6, 1)),
    ]
    assert not model.gaps(date(2022, 1, 1), date(2023, 12, 31))


def test_a_fill_with_a_carried_rate_is_told() -> None:
    """A SPXW sale in the checked years names no table; one of 2027 names every table that charges it."""
    fills = {
        year: Fill(
            fill_id="f",
            order_id="o",
            cause_id="c",
            package_id="p",
            strategy="s",
            ts_event_ns=_noon(date(year, 6, 15)),
            instrument=option("P", 4000, root="SPXW"),
            quantity=Decimal(-1),
            price=Decimal(5),
            costs=(),
            liquidity=Liquidity.TAKER,
            simulated=True,
        )
        for year in (2023, 2027)
    }
    model = us_options_and_shares()
    assert model.carried(fills[2023]) == ()
    assert [name.split(",")[0].split(" (")[0] for name in model.carried(fills[2027])] == [
        "FINRA trading activity fee",
        "options regulatory fee",
        "OCC clearing fee",
        "exchange fee of SPXW from 1",
    ]


def test_the_trade_date_is_that_of_new_york() -> None:
    """A fill at 01:00 UTC of the sixteenth belongs to the fifteenth."""
    assert exchange_day(ns_of_utc_midnight(date(2019, 4, 16)) + _HOUR) == date(2019, 4, 15)
    assert exchange_day(ns_of_utc_midnight(date(2019, 4, 16)) + 4 * _HOUR) == date(2019, 4, 16)


def test_every_row_of_the_ready_tables_names_its_source() -> None:
    """A rate without a source, or a gap between rows and checks, does not stand in the schedules."""
    for charge in us_options_and_shares().charges:
        for table in charge.tables:
            assert all(row.source for row in table.rows)
            assert table.on(table.checked_until) is table.rows[-1]
            assert table.on(table.rows[-1].since - timedelta(days=1), OutsideTable.CARRY) in table.rows


@pytest.mark.parametrize("days", [(), (2023, 2022), (2022, 2022), (2025,)])
def test_tables_without_order_are_refused(days: tuple[int, ...]) -> None:
    """No rows, falling or equal days, or a row behind the last check."""
    rows = tuple(DatedRate(since=date(year, 1, 1), rate=Decimal(1)) for year in days)
    with pytest.raises(ConfigError):
        RateTable(name="fee", rows=rows, checked_until=date(2024, 1, 1))


def test_a_fill_without_price_is_not_charged() -> None:
    """A price that is not a number raises; a model without charges is free."""
    with pytest.raises(DataError):
        NO_COSTS.costs(_BTC, Decimal(1), Decimal("NaN"), 0, _OPEN)
    assert NO_COSTS.costs(_BTC, Decimal(1), Decimal(1), 0, _OPEN) == ()
