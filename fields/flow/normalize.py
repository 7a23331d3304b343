"""Flow features as inputs of models: signed logs, clipped distances, z-scores and divergences (L79 to L85).

What is fitted, the scale of each signed log, comes from past sessions only. NaN stays NaN, and a mask says where.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self, final

import numpy as np

from fields.flow.config import NormalizerConfig
from fields.flow.features import FLOW_FEATURES, FeatureKind, FlowColumn, columns_of_kind
from market.chains import BoolArray, FloatArray
from market.errors import ConfigError

__all__ = ["MODEL_COLUMNS", "FlowNormalizer", "NormalizedFlow", "NormalizerCheckpoint", "signed_log"]

_LOGGED = columns_of_kind(FeatureKind.GEX_FLOW, FeatureKind.DEX_FLOW, FeatureKind.SHARE_FLOW)
_DISTANCES = columns_of_kind(FeatureKind.DISTANCE)
_ZSCORES = columns_of_kind(FeatureKind.ZSCORE)
_DIVERGENCES = columns_of_kind(FeatureKind.DIVERGENCE)
MODEL_COLUMNS = np.array([f.column for f in FLOW_FEATURES if f.kind is not FeatureKind.RAW], dtype=np.int64)
"""The columns that are inputs of models, in rising order, shape (n_inputs,)."""


def signed_log(x: FloatArray, scale: FloatArray | float) -> FloatArray:
    """Return sign(x) log1p(|x| / scale): linear below the scale, logarithmic above; NaN where either is."""
    return np.sign(x) * np.log1p(np.abs(x) / scale)


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalizedFlow:
    """Inputs of models, columns as in `MODEL_COLUMNS`.

    Parameters
    ----------
    values : ndarray, shape (n_minutes, n_inputs)
        Pure numbers; NaN where missing.
    known : ndarray of bool, shape (n_minutes, n_inputs)
        False where missing.
    """

    values: FloatArray
    known: BoolArray


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalizerCheckpoint:
    """What a normaliser has learnt.

    Parameters
    ----------
    config : NormalizerConfig
        Settings that it ran under.
    medians : ndarray, shape (n_sessions, n_logged)
        Median absolute value of each signed-log column in the past sessions, oldest first.
    """

    config: NormalizerConfig
    medians: FloatArray


@final
class FlowNormalizer:
    """Scales the records of a session by what the sessions before it had.

    Parameters
    ----------
    config : NormalizerConfig
        Scales and bounds.
    """

    def __init__(self, config: NormalizerConfig) -> None:
        names = {FlowColumn(c).name.lower(): i for i, c in enumerate(_LOGGED.tolist())}
        for name, _ in config.fixed_scales:
            if name not in names:
                raise ConfigError(
                    "a fixed scale names no signed-log column", found=name, expected=", ".join(sorted(names))
                )
        self._config = config
        self._fixed = {names[name]: scale for name, scale in config.fixed_scales}
        self._medians: deque[FloatArray] = deque(maxlen=config.sessions)

    @property
    def scales(self) -> Mapping[str, float]:
        """Scale of each signed-log column in its unit, by name; NaN before the first session."""
        found = self._scales()
        return {FlowColumn(c).name.lower(): float(s) for c, s in zip(_LOGGED.tolist(), found, strict=True)}

    def end_session(self, values: FloatArray) -> None:
        """Learn from a session that is over.

        Parameters
        ----------
        values : ndarray, shape (n_minutes, n_columns)
            Its records. Zeros are left out: a minute without flow says nothing of the size of flows.
        """
        sizes = np.abs(values[:, _LOGGED])
        medians = np.full(_LOGGED.shape[0], np.nan)
        for i, column in enumerate(sizes.T):
            moved = column[column > 0.0]  # NaN is not
            if moved.shape[0]:
                medians[i] = np.median(moved)
        self._medians.append(medians)

    def normalize(self, values: FloatArray) -> NormalizedFlow:
        """Return the inputs of models.

        Parameters
        ----------
        values : ndarray, shape (n_minutes, n_columns)
            Records, of the session that goes on.

        Returns
        -------
        NormalizedFlow
            Inputs and mask.
        """
        config, out = self._config, np.array(values, dtype=np.float64)
        out[:, _LOGGED] = signed_log(values[:, _LOGGED], self._scales())
        per_cent = 100.0 * values[:, _DISTANCES] / values[:, [FlowColumn.SPOT]]
        out[:, _DISTANCES] = np.clip(per_cent, -config.distance_clip, config.distance_clip)
        out[:, _ZSCORES] = np.clip(values[:, _ZSCORES], -config.zscore_clip, config.zscore_clip)
        scaled = config.divergence_scale * values[:, _DIVERGENCES]
        out[:, _DIVERGENCES] = np.clip(scaled, -config.divergence_clip, config.divergence_clip)
        inputs = out[:, MODEL_COLUMNS]
        return NormalizedFlow(values=inputs, known=np.isfinite(inputs))

    def checkpoint(self) -> NormalizerCheckpoint:
        """Return all that a restart needs."""
        return NormalizerCheckpoint(config=self._config, medians=np.array(self._medians).reshape(-1, _LOGGED.shape[0]))

    @classmethod
    def restore(cls, checkpoint: NormalizerCheckpoint) -> Self:
        """Return a normaliser that goes on from a checkpoint."""
        found = cls(checkpoint.config)
        found._medians.extend(checkpoint.medians)
        return found

    def _scales(self) -> FloatArray:
        scales = np.full(_LOGGED.shape[0], np.nan)
        for i, column in enumerate(np.array(self._medians).reshape(-1, _LOGGED.shape[0]).T):
            known = column[np.isfinite(column)]
            if known.shape[0]:
                scales[i] = np.median(known)
        for i, scale in self._fixed.items():
            scales[i] = scale
        return scales
