"""From the settings of a sweep to who proposes its points."""

from __future__ import annotations

from tuning.configuration.settings import Sampler, SweepSettings
from tuning.search.learning import LearningProposer
from tuning.search.proposals import GridProposer, Proposer, RandomProposer
from tuning.space.space import Space

__all__ = ["proposer_of"]


def proposer_of(sweep: SweepSettings, space: Space) -> Proposer:
    """Return who proposes the points of one search.

    Parameters
    ----------
    sweep : SweepSettings
        Sampler, seed and number of trials. Searches of one sweep share the seed, so that the random points that they
        begin with are the same, and are run once.
    space : Space
        Where.

    Raises
    ------
    ConfigError
        The sampler cannot work in this space.
    """
    if sweep.sweep.sampler is Sampler.GRID:
        return GridProposer(space, sweep.sweep.trials)
    if sweep.sweep.sampler.is_adaptive:
        return LearningProposer(sweep.sweep, space)
    return RandomProposer(space, sweep.sweep.seed, sweep.sweep.trials)
