"""The databases that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.adapters.sql.servers import private_postgres

_NUMBERS = count()


@pytest.fixture(scope="package")
def postgres() -> Iterator[str]:
    """Yield the URL of a private PostgreSQL."""
    with private_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Yield the URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'below' / 'sweeps.sqlite'}"
    address: str = request.getfixturevalue("postgres")
    name = f"test_{next(_NUMBERS)}"
    with create_engine(address, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    return address.replace("/postgres?", f"/{name}?")
