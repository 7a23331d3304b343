"""Margin out of a configuration: rules, tiers and fees, and what cannot be."""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cluster.margin_settings import MarginSettings
from execution.margin_call import CureBy, MarginCallRules, ReadAt
from risk.margin.perpetual import MaintenanceBasis
from risk.margin.reg_t import AccountKind

_TIERS: list[dict[str, Any]] = [
    {"up_to": 50_000, "initial_rate": "0.01", "maintenance_rate": "0.004"},
    {"initial_rate": "0.05", "maintenance_rate": "0.02"},
]


def test_a_plain_configuration_is_a_margin_account_without_perpetuals() -> None:
    """Broad indices keep their rate, funds are not among them, and borrowing has no fee."""
    plain = MarginSettings.model_validate({})
    assert plain.rules().account is AccountKind.MARGIN
    assert {"SPX", "NDX"} < plain.rules().broad
    assert "SPY" not in plain.rules().broad
    assert plain.perpetual_terms() == {}
    assert plain.borrow_fees() is None
    assert plain.calls.rules() == MarginCallRules()


def test_what_is_told_reaches_the_rules() -> None:
    """A cash account, a fund as broad, tiers of which the last has no end, and two kinds of borrow fees."""
    told = MarginSettings.model_validate(
        {
            "account": "cash",
            "broad": ["SPY"],
            "perpetuals": [{"symbol": "BTC", "tiers": _TIERS, "basis": "entry", "fee_rate": "0.0006"}],
            "borrow": {"GME": "0.3"},
            "borrow_others": "0.01",
            "calls": {"read_at": "always", "cure_by": "next_close", "beyond": "0.01"},
        }
    )
    terms = told.perpetual_terms()["BTC"]
    calls = MarginCallRules(read_at=ReadAt.ALWAYS, cure_by=CureBy.NEXT_CLOSE, beyond=Decimal("0.01"))
    assert told.calls.rules() == calls
    assert MarginSettings.model_validate({"calls": {"watch": False}}).calls.rules() is None
    assert told.rules().account is AccountKind.CASH
    assert {"SPX", "SPY"} < told.rules().broad
    assert (terms.basis, terms.fee_rate) == (MaintenanceBasis.ENTRY, Decimal("0.0006"))
    assert terms.maintenance(Decimal(60_000)) == Decimal(200) + Decimal(200)
    fees = told.borrow_fees()
    assert fees is not None
    assert fees.rates["GME"].at(0) == Decimal("0.3")
    assert fees.others is not None
    assert fees.others.at(0) == Decimal("0.01")


def test_the_example_of_the_page_is_a_configuration() -> None:
    """The block of the documentation is read as it stands there."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "backtest" / "margin-and-costs.md").read_text(
        encoding="utf-8"
    )
    (block,) = re.findall(r"```toml\n(.*?)```", page, flags=re.DOTALL)
    told = MarginSettings.model_validate(tomllib.loads(block)["margin"])
    assert told.leverage == 5
    assert told.perpetual_terms()["BTC/USDT:USDT"].maintenance(Decimal(60_000)) == Decimal(350)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"leverage": "0.5"}, "leverage"),
        ({"perpetuals": [{"symbol": "BTC", "tiers": _TIERS[:1]}]}, "infinite"),
        ({"perpetuals": [{"symbol": "BTC", "tiers": _TIERS}] * 2}, "twice"),
        ({"borrow": {"GME": "-0.1"}}, "GME"),
        ({"calls": {"cure_by": "never"}}, "cure_by"),
        ({"acount": "cash"}, "acount"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(bad: dict[str, Any], words: str) -> None:
    """Leverage below 1, tiers that end, a perpetual twice, a negative fee, an unknown name."""
    with pytest.raises(ValidationError, match=words):
        MarginSettings.model_validate(bad)
