"""Query parameters that a route does not know are refused: a misspelt filter must not answer for everything."""

from __future__ import annotations

from difflib import get_close_matches
from urllib.parse import parse_qsl

from starlette.requests import Request

from serve.problems import Problem

__all__ = ["require_known_query"]


def require_known_query(request: Request, *known: str) -> None:
    """Raise unless each query parameter is known and stands once.

    Parameters
    ----------
    request : Request
        What was asked.
    *known : str
        Names that the route takes.

    Raises
    ------
    Problem
        422, ``unknown-parameter`` or ``repeated-parameter``.
    """
    query: bytes = request.scope["query_string"]
    if not query:
        return
    seen: set[str] = set()
    for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name not in known:
            raise _unknown(name, known)
        if name in seen:
            raise _repeated(name)
        seen.add(name)


def _unknown(name: str, known: tuple[str, ...]) -> Problem:
    near = get_close_matches(name, known, n=1)
    return Problem(
        status=422,
        kind="unknown-parameter",
        detail=f"this address takes no query parameter {name[:64]!r}",
        found=name[:64],
        expected=" or ".join(known) or "no query parameter",
        action=f"did you mean {near[0]}?" if near else "leave it out, or see GET /docs",
    )


def _repeated(name: str) -> Problem:
    return Problem(
        status=422,
        kind="repeated-parameter",
        detail=f"the query parameter {name!r} stands more than once",
        found=f"{name} twice or more",
        expected=f"{name} once",
        action="give it once; several symbols are separated by commas" if name == "symbols" else "give it once",
    )
