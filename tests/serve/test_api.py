"""The HTTP interface as a caller meets it: answers, errors and the token."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio
from pydantic import SecretStr

from fields.summary import describe, summarize
from market.errors import ConfigError
from serve.board import SnapshotBoard
from serve.config import GatewayConfig
from serve.gateway import Gateway, build_gateway
from tests.serve.samples import HandClock, feed_report, publication_of, snapshot_of

TOKEN = "a-token-of-the-tests"  # noqa: S105  # opens nothing
BEARER = {"authorization": f"Bearer {TOKEN}"}


def gateway(*published: str, expected: tuple[str, ...] = ("SPX", "QQQ")) -> Gateway:
    board = SnapshotBoard(expected, HandClock(), 10.0)
    for symbol in published:
        board.apply(publication_of(snapshot_of(symbol)))
    return build_gateway(board, GatewayConfig(token=SecretStr(TOKEN), max_streams=1), page=False)


def _client(app: Gateway, **options: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://testserver", **options)


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with _client(gateway("SPX", "QQQ"), headers=BEARER) as found:
        yield found


def _problem(response: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["status"] == status
    assert document["type"] == f"/docs#{kind}"
    assert {"type", "title", "status", "detail"} <= document.keys()
    return document


async def test_process_that_answers_is_alive_without_a_token() -> None:
    """Liveness is open, so that an orchestrator needs no secret."""
    async with _client(gateway()) as anonymous:
        assert (await anonymous.get("/healthz")).json() == {"status": "alive"}


async def test_not_ready_until_every_symbol_has_a_field() -> None:
    """Readiness names what is missing, and needs no token."""
    app = gateway("SPX")
    async with _client(app) as anonymous:
        document = _problem(await anonymous.get("/readyz"), 503, "not-ready")
        assert document["missing"] == ["QQQ"]
        app.board.apply(publication_of(snapshot_of("QQQ")))
        assert (await anonymous.get("/readyz")).json()["ready"] is True


@pytest.mark.parametrize(("query", "make"), [("", summarize), ("?detail=full", describe)])
async def test_field_numbers_equal_the_snapshot(client: httpx.AsyncClient, query: str, make: Any) -> None:
    """What is served is what was published, to the last digit."""
    body = (await client.get(f"/v1/fields/SPX{query}")).json()
    expected = json.loads(msgspec.json.encode(make(snapshot_of("SPX"))))
    assert {name: body[name] for name in expected} == expected


async def test_symbols_carry_the_numbers_of_their_fields(client: httpx.AsyncClient) -> None:
    """The list shows each symbol's own spot and gamma, in alphabetical order."""
    rows = (await client.get("/v1/symbols")).json()["symbols"]
    assert [row["symbol"] for row in rows] == ["QQQ", "SPX"]
    assert rows[1]["spot"] == snapshot_of("SPX").spot
    assert rows[1]["gamma_usd_per_pct"] == snapshot_of("SPX").totals.gamma_usd_per_pct
    assert rows[1]["simulated"] is True


async def test_unknown_symbol_names_its_neighbours(client: httpx.AsyncClient) -> None:
    """A misspelling gets 404 and what was perhaps meant."""
    document = _problem(await client.get("/v1/fields/SPQ"), 404, "unknown-symbol")
    assert document["near_matches"] == ["SPX"]
    assert document["found"] == "SPQ"


async def test_symbol_without_a_field_is_not_yet_available() -> None:
    """A symbol that is expected but has no field is 503, not 404."""
    async with _client(gateway("SPX"), headers=BEARER) as client:
        response = await client.get("/v1/fields/QQQ")
        _problem(response, 503, "no-field-yet")
        assert response.headers["retry-after"] == "1"


async def test_stale_field_is_served_with_its_age_and_reason() -> None:
    """A dead shard does not take the last field away; the answer says how old it is."""
    app = gateway("SPX", expected=("SPX",))
    app.board.apply_feed(feed_report(symbols=("SPX",), shards_down=("shard-0",)))
    async with _client(app, headers=BEARER) as client:
        response = await client.get("/v1/fields/SPX")
    assert response.status_code == 200
    body = response.json()
    assert body["stale"] is True
    assert body["age_s"] >= 0.0
    assert body["stale_reason"] == "shard-0 is down and is being restarted"


async def test_wrong_detail_is_refused_with_what_is_allowed(client: httpx.AsyncClient) -> None:
    """A parameter outside its values is 422 and names them."""
    document = _problem(await client.get("/v1/fields/SPX?detail=most"), 422, "invalid-request")
    assert "summary" in document["expected"]
    assert document["found"] == "'most'"


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [("GET", "/v1/none", 404, "unknown-address"), ("POST", "/v1/symbols", 405, "method-not-allowed")],
)
async def test_other_addresses_and_methods_are_problems(
    client: httpx.AsyncClient, method: str, path: str, status: int, kind: str
) -> None:
    """Nothing below /v1 answers in HTML."""
    _problem(await client.request(method, path), status, kind)


async def test_failure_inside_shows_no_internals(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unforeseen error is a 500 problem without a trace of the code."""
    app = gateway("SPX")
    app.board.get("SPX")._encoded = None  # type: ignore[union-attr]  # break it
    async with _client(app, headers=BEARER) as client:
        document = _problem(await client.get("/v1/fields/SPX"), 500, "internal-error")
    assert "NoneType" not in json.dumps(document)


@pytest.mark.parametrize("path", ["/v1/symbols", "/v1/fields/SPX", "/v1/stream", "/docs", "/openapi.json", "/"])
@pytest.mark.parametrize("header", [{}, {"authorization": "Bearer wrong"}, {"authorization": "Basic eA=="}])
async def test_everything_else_needs_the_token(path: str, header: dict[str, str]) -> None:
    """No token, a wrong one and another scheme all get 401 with the challenge."""
    async with _client(gateway("SPX")) as anonymous:
        response = await anonymous.get(path, headers=header)
    _problem(response, 401, "unauthorised")
    assert response.headers["www-authenticate"].startswith("Bearer")


async def test_token_in_the_address_becomes_a_cookie_and_leaves_the_address() -> None:
    """One redirect later the browser is signed in, and neither address nor cookie holds the token."""
    async with _client(gateway("SPX")) as browser:
        response = await browser.get(f"/docs?token={TOKEN}&x=1")
        assert (response.status_code, response.headers["location"]) == (303, "/docs?x=1")
        cookie = response.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert TOKEN not in cookie
        assert (await browser.get("/v1/symbols")).status_code == 200


async def test_cookie_does_not_serve_another_origin() -> None:
    """A page on another port of this host is the same site to a browser, but not to us."""
    async with _client(gateway("SPX")) as browser:
        await browser.get(f"/?token={TOKEN}")
        foreign = await browser.get("/v1/symbols", headers={"origin": "http://testserver:3000"})
        own = await browser.get("/v1/symbols", headers={"origin": "http://testserver"})
    assert (foreign.status_code, own.status_code) == (401, 200)


async def test_sign_in_form_takes_the_token() -> None:
    """A browser without a token is asked for it; the form opens the page, a wrong token does not."""
    async with _client(gateway("SPX")) as browser:
        asked = await browser.get("/", headers={"accept": "text/html"})
        assert asked.status_code == 401
        assert "<form" in asked.text
        assert (await browser.post("/session", data={"token": "wrong"})).status_code == 401
        assert (await browser.post("/session", data={"token": TOKEN})).status_code == 303


async def test_redirect_stays_on_this_host() -> None:
    """An address that begins with two slashes must not lead elsewhere."""
    async with _client(gateway("SPX")) as browser:
        response = await browser.get(f"http://testserver//evil.example/?token={TOKEN}")
    assert response.headers["location"].startswith("/evil.example")


async def test_documentation_needs_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    """The page names every route with a curl line, and loads no script, style or font."""
    text = (await client.get("/docs")).text
    schema = (await client.get("/openapi.json")).json()
    assert set(schema["paths"]) == {"/healthz", "/readyz", "/v1/symbols", "/v1/fields/{symbol}", "/v1/stream"}
    for path in schema["paths"]:
        assert path in text
    assert "src=" not in text
    assert "<link" not in text
    assert "https://" not in text


@pytest.mark.parametrize("settings", [{}, {"token": "short"}, {"token": "x" * 20, "token_file": "also"}])
def test_gateway_without_a_proper_token_does_not_start(settings: dict[str, str]) -> None:
    """There is no open gateway by accident."""
    with pytest.raises(ConfigError):
        GatewayConfig.model_validate(settings).secret()


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("/v1/stream?symbol=SPX", "symbol"),
        ("/v1/fields/SPX?details=full", "details"),
        ("/v1/symbols?limit=3", "limit"),
        ("/v1/fields/SPX?detail=full&x=", "x"),
    ],
)
async def test_unknown_query_parameter_is_refused(client: httpx.AsyncClient, address: str, found: str) -> None:
    """A misspelt filter is an error, not an answer to another question."""
    assert _problem(await client.get(address), 422, "unknown-parameter")["found"] == found


async def test_repeated_query_parameter_is_refused(client: httpx.AsyncClient) -> None:
    """Of two values none is dropped in silence."""
    _problem(await client.get("/v1/stream?symbols=SPX&symbols=QQQ"), 422, "repeated-parameter")


@pytest.mark.parametrize("address", ["/v1/symbols", "/v1/none", "/healthz", "/docs"])
async def test_every_answer_carries_the_security_headers(client: httpx.AsyncClient, address: str) -> None:
    """No answer may be framed, sniffed or load anything from elsewhere."""
    headers = (await client.get(address)).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


async def test_each_document_has_a_nonce_of_its_own(client: httpx.AsyncClient) -> None:
    """Scripts run by a number that nobody can know beforehand, never because they are inline."""
    policies = {(await client.get("/docs")).headers["content-security-policy"] for _ in range(3)}
    assert len(policies) == 3
    assert all("script-src 'self' 'nonce-" in policy for policy in policies)
    assert not any("script-src 'self' 'unsafe-inline'" in policy for policy in policies)
