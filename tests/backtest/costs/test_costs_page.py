"""The page of margin and costs against the code: its table of rates, its rows of the gate."""

from __future__ import annotations

import re
from pathlib import Path

from backtest.costs.schedules import us_options_and_shares
from risk.limits.pretrade import PretradeLimits

_PAGE = (Path(__file__).resolve().parents[3] / "docs" / "backtest" / "margin-and-costs.md").read_text(encoding="utf-8")


def test_the_page_prints_every_rate_and_no_other() -> None:
    """Each row of each table stands there with its first day, cap, last check and source, in order."""
    expected = [
        f"| {table.name} | {row.since} | {row.rate} | {'' if row.most is None else row.most} "
        f"| {table.checked_until} | [{row.source}] |"
        for charge in us_options_and_shares(()).charges
        for table in charge.tables
        for row in table.rows
    ]
    assert re.findall(r"^\| .* \| \d{4}-\d\d-\d\d \| .*$", _PAGE, flags=re.MULTILINE) == expected


def test_the_page_names_every_row_of_the_gate() -> None:
    """Each limit that can be configured, and each field of the configuration, has its line."""
    limits = PretradeLimits(
        most_quantity=1.0,
        most_notional=1.0,
        most_loss=1.0,
        most_packages=1,
        orders_per_second=1.0,
        order_burst=1.0,
        most_input_age_s=1.0,
        cutoff_minutes=1.0,
    )
    assert not [row.name for row in limits.rows() if f"| `{row.name}` |" not in _PAGE]
    assert not [name for name in PretradeLimits.__dataclass_fields__ if f"`{name}`" not in _PAGE]
