"""Each example of a sweep is one that can be run, and the manifests run the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from strategies.structures.intraday_condor import IntradayCondor
from tuning.configuration.reading import base_settings, sweep_settings
from tuning.configuration.settings import Sampler
from tuning.space import space_of

_ROOT = Path(__file__).resolve().parents[2]
_EXAMPLES = sorted((_ROOT / "examples").glob("*-sweep.toml"))
_ON_A_CLUSTER = {"simulated": "condor-sweep", "recorded": "recorded-condor-sweep"}


def _weights(strategy: IntradayCondor) -> dict[str, float]:
    return {} if strategy.fuzzy is None else strategy.fuzzy.config.weights


@pytest.mark.parametrize("path", _EXAMPLES, ids=lambda path: path.stem)
def test_an_example_has_a_space_around_its_base(path: Path) -> None:
    """The file is read, every dimension leads to a value, and the base itself lies in the space: trial 0."""
    settings = sweep_settings(path.read_text(encoding="utf-8"), path.name, path.parent)
    base, _ = base_settings(settings, path.parent)
    space = space_of(settings.space, base)
    assert space.default is not None
    (built,) = (each.build() for each in space.settings_at(space.default, base).strategies)
    (own,) = (each.build() for each in base.strategies)
    # Weights come back from their logits, so their last digits may differ.
    assert built == own or (
        isinstance(built, IntradayCondor)
        and isinstance(own, IntradayCondor)
        and replace(built, fuzzy=own.fuzzy) == own
        and _weights(built) == pytest.approx(_weights(own), rel=1e-12)
    )


@pytest.mark.parametrize("path", _EXAMPLES, ids=lambda path: path.stem)
def test_an_example_has_trials_for_its_whole_grid(path: Path) -> None:
    """An example that asks for a grid asks for all of it."""
    settings = sweep_settings(path.read_text(encoding="utf-8"), path.name, path.parent)
    if settings.sweep.sampler is Sampler.GRID:
        base, _ = base_settings(settings, path.parent)
        assert len(space_of(settings.space, base).grid()) <= settings.sweep.trials


@pytest.mark.parametrize("overlay", _ON_A_CLUSTER)
def test_the_manifests_run_the_example(overlay: str) -> None:
    """The configuration of an overlay is the example of that name, letter by letter."""
    example = (_ROOT / "examples" / f"{_ON_A_CLUSTER[overlay]}.toml").read_text(encoding="utf-8")
    assert (_ROOT / "k8s" / "overlays" / overlay / "sweep.toml").read_text(encoding="utf-8") == example
