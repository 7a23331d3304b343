"""Where a study would stand is asked before hours of work, and not after."""

from __future__ import annotations

from pathlib import Path

import pytest

from market.errors import ConfigError
from tuning.lanes.sweeping import SweepRequest, run_sweep


def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The configuration does not even exist, so only the check of the place can have spoken; nothing is left there."""
    monkeypatch.setenv("HEDGEFIELD_HOME", str(tmp_path / "home"))
    (tmp_path / "file").write_text("", encoding="utf-8")
    request = SweepRequest(config=tmp_path / "none.toml", out=tmp_path / "file" / "study")
    with pytest.raises(ConfigError, match="the study folder cannot be written"):
        run_sweep(request, lambda _: None)
    with pytest.raises(ConfigError, match="cannot be read"):
        run_sweep(SweepRequest(config=request.config, out=tmp_path / "new" / "study"), lambda _: None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "home"]
