"""Places of a sweep: a password never stands in a file that is copied into every study."""

from __future__ import annotations

from pathlib import Path

import pytest

from market.errors import ConfigError
from tuning.configuration.reading import sweep_settings

_TEXT = """\
[sweep]
name = "a"
[base.run]
name = "base"
[base.data.simulated]
[base.strategy]
kind = "noop"
[space]
"risk.risk_share" = [0.01, 0.02]
[keeping]
KEY = "URL"
"""


def _text(key: str, url: str) -> str:
    return _TEXT.replace("KEY", key).replace("URL", url)


@pytest.mark.parametrize("key", ["storage", "ledger"])
@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hidden@host/db",  # pragma: allowlist secret
        "postgresql+psycopg://host/db?user=me&password=hidden",
    ],
)
def test_a_password_in_the_file_is_refused_without_being_repeated(key: str, url: str) -> None:
    """The variables that may hold it are named."""
    with pytest.raises(ConfigError) as failure:
        sweep_settings(_text(key, url), "a.toml", Path())
    assert "a URL with a password does not belong here; set HEDGEFIELD_SWEEP_STORAGE" in str(failure.value)
    assert "hidden" not in f"{failure.value}{failure.value.__dict__}"


@pytest.mark.parametrize("url", ["sqlite:////tmp/a.sqlite", "postgresql://me@host/db", "sqlite:///~/a b.sqlite"])
def test_a_place_without_a_secret_is_taken(url: str) -> None:
    """Whoever may connect without one names it in the file."""
    assert sweep_settings(_text("storage", url), "a.toml", Path()).keeping.storage == url
