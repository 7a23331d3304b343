"""The server that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.adapters.sql.servers import private_postgres


@pytest.fixture(scope="package")
def postgres() -> Iterator[str]:
    """Yield the URL of a private PostgreSQL."""
    with private_postgres() as url:
        yield url
