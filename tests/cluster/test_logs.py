"""Logs hold no secret, in no form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import structlog

from cluster.logs import configure_logging, redact


@pytest.mark.parametrize(
    "entry",
    [
        {"token": "s3cret"},
        {"Authorization": "Bearer s3cret"},
        {"event": "GET http://127.0.0.1:8000/?token=s3cret&x=1"},
        {"event": "header was bearer s3cret"},
        {"event": "cannot open postgresql://me:s3cret@host/db"},  # pragma: allowlist secret
    ],
)
def test_secrets_are_hidden(entry: dict[str, str]) -> None:
    """Under a telling key and inside a text."""
    assert "s3cret" not in str(redact(None, "info", dict(entry)))


def test_other_values_stay() -> None:
    """Hiding is not deleting."""
    assert redact(None, "info", {"event": "port 8000", "shard": "shard-0"}) == {
        "event": "port 8000",
        "shard": "shard-0",
    }


def test_the_file_has_one_json_object_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Information goes to the file alone, a warning to both; a traceback too goes through the filter."""
    path = configure_logging(tmp_path)
    log = structlog.get_logger("hedgefield.test")
    log.info("quiet", shard="shard-0")
    log.warning("loud", password="s3cret")  # noqa: S106  # pragma: allowlist secret
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    shown = capsys.readouterr().err
    assert [(line["event"], line["level"]) for line in lines] == [("quiet", "info"), ("loud", "warning")]
    assert "loud" in shown
    assert "quiet" not in shown
    assert "s3cret" not in shown + path.read_text(encoding="utf-8")
    structlog.reset_defaults()
