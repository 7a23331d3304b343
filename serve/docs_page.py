"""The interface's documentation as one page of its own: FastAPI's loads its viewer from a CDN."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from fastapi import FastAPI
from starlette.responses import HTMLResponse

__all__ = ["mount", "render"]

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--get:#2b6fb3}
body{font:15px/1.55 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.05rem;margin:0;font-family:ui-monospace,monospace;overflow-wrap:anywhere}
section{border:1px solid var(--line);border-radius:.6rem;padding:.9rem 1.1rem;margin:1.1rem 0}
.verb{color:#fff;background:var(--get);border-radius:.3rem;padding:.05rem .45rem;margin-right:.5rem;font-size:.85em}
pre{background:var(--soft);padding:.7rem .8rem;border-radius:.4rem;overflow-x:auto;font-size:.85rem}
table{border-collapse:collapse;width:100%;font-size:.9rem;display:block;overflow-x:auto}
td,th{text-align:left;padding:.25rem .8rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top}
summary{cursor:pointer;margin-top:.6rem}code{font-size:.9em}
"""


def mount(app: FastAPI) -> None:
    """Serve the page at ``/docs``; the machine-readable form stays at ``/openapi.json``."""

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(render(app.openapi()))


def render(schema: dict[str, Any]) -> str:
    """Return an OpenAPI document as HTML without scripts.

    Parameters
    ----------
    schema : dict
        OpenAPI 3 document.

    Returns
    -------
    str
        A whole page.
    """
    info = schema["info"]
    operations = [
        _operation(verb, path, operation)
        for path, verbs in schema["paths"].items()
        for verb, operation in verbs.items()
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(info['title'])} <small>{escape(info['version'])}</small></h1>"
        f"<p>{escape(info.get('description', ''))}</p>"
        '<p>Machine-readable: <a href="/openapi.json">openapi.json</a>. The page: <a href="/">live fields</a>.</p>'
        f"{''.join(operations)}{_schemas(schema)}</body></html>"
    )


def _operation(verb: str, path: str, operation: dict[str, Any]) -> str:
    return (
        f'<section id="{escape(operation["operationId"])}">'
        f'<h2><span class="verb">{verb.upper()}</span>{escape(path)}</h2>'
        f"<p><b>{escape(operation.get('summary', ''))}</b> {escape(operation.get('description', ''))}</p>"
        f"<pre>{escape(_curl(verb, path))}</pre>"
        f"{_parameters(operation.get('parameters', []))}{_responses(operation['responses'])}</section>"
    )


def _curl(verb: str, path: str) -> str:
    address = f"http://127.0.0.1:8000{path.replace('{symbol}', 'SPX')}"
    flag = "-N " if path.endswith("/stream") else ""
    method = "" if verb == "get" else f"-X {verb.upper()} "
    token = "" if path in {"/healthz", "/readyz"} else '-H "Authorization: Bearer $TOKEN" '
    return f"curl {flag}{method}{token}{address}"


def _parameters(parameters: list[dict[str, Any]]) -> str:
    rows = [
        f"<tr><td><code>{escape(p['name'])}</code></td><td>{p['in']}</td><td>{_type(p['schema'])}</td>"
        f"<td>{escape(p.get('description', ''))}</td></tr>"
        for p in parameters
    ]
    return (
        f"<table><tr><th>parameter</th><th>in</th><th>values</th><th></th></tr>{''.join(rows)}</table>" if rows else ""
    )


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f'<a href="#{escape(name)}">{escape(name)}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(part) for part in schema["anyOf"])
    values = schema.get("enum")
    return escape(", ".join(map(str, values)) if values else str(schema.get("type", "any")))


def _responses(responses: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{escape(status)}</td><td>{escape(', '.join(r.get('content', {})))}</td>"
        f"<td>{escape(r['description'])}</td></tr>"
        for status, r in sorted(responses.items())
    )
    return f"<table><tr><th>status</th><th>content</th><th></th></tr>{rows}</table>"


def _schemas(schema: dict[str, Any]) -> str:
    shown = schema.get("components", {}).get("schemas", {})
    return "".join(
        f'<details id="{escape(name)}"><summary>{escape(name)}</summary>'
        f"<pre>{escape(json.dumps(body, indent=2))}</pre></details>"
        for name, body in shown.items()
    )
