"""The page of the whole running product, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from cluster.pictures.figures import short_usd
from serve.page_text import price_text
from tests.e2e.conftest import Product

pytestmark = [pytest.mark.e2e, pytest.mark.ray, pytest.mark.slow]

_WAIT_MS = 30_000


class Tab:
    """A browser tab on the page that remembers what went wrong."""

    def __init__(self, browser: Any, product: Product, width: int, scheme: str = "light") -> None:
        self.faults: list[str] = []
        self._context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
        self.page = self._context.new_page()
        self.page.on("console", lambda m: self.faults.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("requestfailed", lambda request: self.faults.append(f"failed: {request.url}"))
        self.page.on("request", lambda request: self._check_host(request.url, product.base))
        self.page.goto(product.page)
        self.page.wait_for_selector("[data-testid=spot]:not(:empty)", timeout=_WAIT_MS)
        self.page.wait_for_selector(".hf-plot .main-svg", timeout=_WAIT_MS)

    def text(self, testid: str) -> str:
        found: str = self.page.get_by_test_id(testid).inner_text()
        return found

    def close(self) -> None:
        self._context.close()

    def _check_host(self, url: str, base: str) -> None:
        websocket = base.replace("http", "ws", 1)
        if not url.startswith((base, websocket, "data:", "blob:")):
            self.faults.append(f"left the host: {url}")


@pytest.fixture(params=[390, 1280])
def tab(request: pytest.FixtureRequest, browser: Any, product: Product) -> Iterator[Tab]:
    found = Tab(browser, product, request.param)
    yield found
    found.close()


def test_page_shows_the_numbers_of_the_api(tab: Tab, product: Product) -> None:
    """Spot, gamma, zero gamma and amplification on the page are those that the API returns at the same time."""
    shown: list[str] = []
    expected: list[str] = []
    for _ in range(100):
        field = product.field()
        shown = [tab.text(name) for name in ("spot", "gamma", "zero-gamma", "amplification-A")]
        expected = [
            price_text(field["spot"]),
            short_usd(field["gamma_usd_per_pct"]),
            price_text(field["zero_gamma"][0]["level"]),
            f"{field['amplification']:.3f}",
        ]
        if shown == expected:
            break
        tab.page.wait_for_timeout(100)
    assert shown == expected


def test_page_changes_without_a_reload(tab: Tab) -> None:
    """A new field moves the spot in place, and the gamma chart with it."""
    curve = "() => Array.from(document.querySelectorAll('.hf-plot')[0]._fullData[2].y).slice(0, 9).join()"
    tab.page.evaluate("window.sameDocument = true")
    spot, drawn = tab.text("spot"), tab.page.evaluate(curve)
    changed = "spot => document.querySelector('[data-testid=spot]').innerText !== spot"
    tab.page.wait_for_function(changed, arg=spot, timeout=_WAIT_MS)
    tab.page.wait_for_function(f"drawn => ({curve})() !== drawn", arg=drawn, timeout=_WAIT_MS)
    assert tab.page.evaluate("window.sameDocument") is True
    assert tab.text("state") == "LIVE"


def test_page_is_quiet_complete_and_fits_the_screen(tab: Tab) -> None:
    """No console error, no foreign request, no sideways scroll, three charts, and the simulated mark in sight."""
    tab.page.wait_for_selector(".hf-plot .hm, .hf-plot .heatmaplayer image", state="attached", timeout=_WAIT_MS)
    tab.page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    tab.page.wait_for_timeout(1500)  # what a few updates could break shows by then
    wide, room = tab.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    mark = tab.page.get_by_text("SIMULATED", exact=True).first.bounding_box()
    assert wide <= room
    assert mark is not None
    assert 0.0 <= mark["y"] <= 60.0
    assert tab.page.locator(".hf-plot .main-svg").count() >= 3
    assert tab.faults == []


def test_symbol_is_chosen_with_the_keyboard(browser: Any, product: Product) -> None:
    """Focus and Enter show another symbol, and the address remembers it."""
    tab = Tab(browser, product, 1280)
    tab.page.locator("button.hf-row", has_text="SIM.QQQ").focus()
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_function("document.querySelector('h1').innerText === 'SIM.QQQ'", timeout=_WAIT_MS)
    tab.page.wait_for_function("location.search === '?symbol=SIM.QQQ'", timeout=_WAIT_MS)
    tab.page.wait_for_selector("button.hf-row[aria-current=true]:has-text('SIM.QQQ')", timeout=_WAIT_MS)
    assert tab.faults == []
    tab.close()


@pytest.mark.parametrize(
    ("section", "heading", "told"),
    [
        ("hedging", "Expected hedge flow", "dealers "),
        ("book", "Dealers' book", "signed"),
        ("surface", "Fit by expiration", "fitted"),
        ("regimes", "Signals", "UNKNOWN"),
        ("flow", "Flow of the last minute", ""),
        ("sources", "Messages since the start", "lost on the way"),
    ],
)
def test_each_section_opens_whole(tab: Tab, section: str, heading: str, told: str) -> None:
    """A section is opened with one click, fits the window, and breaks no rule of the content policy."""
    tab.page.get_by_test_id(f"open-{section}").click()
    panel = tab.page.get_by_test_id(f"section-{section}")
    panel.get_by_role("heading", name=heading).wait_for(state="visible", timeout=_WAIT_MS)
    if told:
        panel.get_by_text(told).first.wait_for(state="visible", timeout=_WAIT_MS)
    tab.page.wait_for_function(f"location.search.includes('section={section}')", timeout=_WAIT_MS)
    wide, room = tab.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= room
    assert tab.page.get_by_test_id("section-field").is_hidden()
    assert tab.faults == []


def test_dark_scheme_of_the_system_is_followed(browser: Any, product: Product) -> None:
    """A dark system gets dark ground and light text, in the charts too."""
    tab = Tab(browser, product, 1280, "dark")
    ground, label = tab.page.evaluate(
        "[getComputedStyle(document.body).backgroundColor,"
        " getComputedStyle(document.querySelector('.hf-plot .xtick text')).fill]"
    )
    tab.close()
    assert ground == "rgb(14, 19, 25)"
    assert label == "rgb(154, 167, 182)"


def test_page_and_its_websocket_need_the_token(browser: Any, product: Product) -> None:
    """Without a token the browser is asked for it, and neither script nor socket opens."""
    context = browser.new_context()
    page = context.new_page()
    answer = page.goto(product.base)
    asked = page.locator("input[name=token]").count()
    context.close()
    refused = httpx.get(f"{product.base}/_nicegui_ws/socket.io/?EIO=4&transport=polling", trust_env=False)
    assert answer.status == 401
    assert asked == 1
    assert refused.status_code == 401
