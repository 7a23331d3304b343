"""Impact (how far a dollar of flow moves price) and relative illiquidity by price level.

Three parameters, three names: *impact* is Kyle's lambda (`ImpactEstimate.return_per_usd`), *screening* is the kappa of
Green's operator, and its *range* is the length over which the potential averages (`FieldConfig.screening_range`).
"""

from fields.illiquidity.config import ImpactConfig, ImpactMethod, ProfileConfig
from fields.illiquidity.depth import depth_impact
from fields.illiquidity.impact import ImpactEstimate, ImpactSample, estimate_impact, impact_by_method
from fields.illiquidity.intraday import IntradayImpact, impact_by_time_of_day
from fields.illiquidity.profiles import constant_profile, depth_profile, volume_profile
from fields.illiquidity.regression import Slope, ewma_mean, robust_slope
from fields.illiquidity.state import ImpactCheckpoint, ImpactState
from fields.illiquidity.weights import HedgeWeights, calibrate_weights

__all__ = [
    "HedgeWeights",
    "ImpactCheckpoint",
    "ImpactConfig",
    "ImpactEstimate",
    "ImpactMethod",
    "ImpactSample",
    "ImpactState",
    "IntradayImpact",
    "ProfileConfig",
    "Slope",
    "calibrate_weights",
    "constant_profile",
    "depth_impact",
    "depth_profile",
    "estimate_impact",
    "ewma_mean",
    "impact_by_method",
    "impact_by_time_of_day",
    "robust_slope",
    "volume_profile",
]
