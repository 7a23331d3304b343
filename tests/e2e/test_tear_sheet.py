"""The tear sheet in a real browser: wide and narrow, read by pointer, with nothing asked of the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backtest.reports.analysis import AnalysisSettings, analyse
from backtest.reports.contents import report_of
from backtest.reports.page import report_as_html
from tests.backtest.reports.samples import sample_run

pytestmark = [pytest.mark.e2e]


@pytest.mark.parametrize("width", [1280, 390])
def test_the_sheet_fits_and_tells_what_the_pointer_is_on(browser: Any, tmp_path: Path, width: int) -> None:
    """No sideways scroll; the script runs under its own policy, and the tip has each line of the curve."""
    result = sample_run()
    file = tmp_path / "tear_sheet.html"
    file.write_bytes(report_as_html(report_of(result, analyse(result, AnalysisSettings(n_draws=100)))))
    context = browser.new_context(viewport={"width": width, "height": 844})
    page, asked, said = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(file.as_uri())
    widths = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert widths == [width, width]
    plot = page.locator(".plot").first
    plot.hover()
    tip = page.locator(".tip").inner_text()
    assert tip.splitlines()[0].endswith("UTC")
    assert [line.split("  ")[0] for line in tip.splitlines()[1:]] == ["benchmark", "equity"]
    assert page.get_by_text("SIMULATED").first.is_visible()
    assert ([url for url in asked if not url.startswith("data:")], said) == ([file.as_uri()], [])
    context.close()
