"""The page of the quality report in a real browser: readable on wide and narrow screens, without a sideways scroll."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.quality import write_report
from tests.adapters.quality.test_report import report

pytestmark = [pytest.mark.e2e]


@pytest.mark.parametrize("width", [1280, 390])
def test_no_part_of_the_report_is_wider_than_the_screen(browser: Any, tmp_path: Path, width: int) -> None:
    """Closed and with everything opened; nothing is asked of the network and nothing fails."""
    page_file, _ = write_report(report(), tmp_path)
    context = browser.new_context(viewport={"width": width, "height": 844})
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_file.as_uri())
    for _ in range(2):
        widths = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert widths == [width, width]
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    assert page.locator("details.series").count() == 2
    assert page.get_by_text("high < low").first.is_visible()
    assert asked == [page_file.as_uri()]
    context.close()
