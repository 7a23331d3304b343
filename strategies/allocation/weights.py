"""Weights from past returns, by a library; what is not known keeps its initial weight, and nothing exceeds its cap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from market.chains import FloatArray
from market.errors import DataError
from strategies.allocation.config import AllocationConfig, AllocationMethod

__all__ = ["Allocation", "allocate"]

_DUST: Final = 1e-6  # what a solver leaves of a weight of 0
_LEAST_ACTIVE: Final = 5  # sessions with a profit or loss without which a volatility says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """Shares of the account's money.

    Parameters
    ----------
    weights : mapping of str to float
        By strategy, each >= 0, together at most `AllocationConfig.total`.
    risk_shares : mapping of str to float
        What each contributes to the variance of the whole, of sum 1; NaN where its returns do not tell.
    n_days : int
        Sessions looked at.
    reasons : mapping of str to str
        Why a strategy has its initial weight; nothing for those that were estimated.
    """

    weights: Mapping[str, float]
    risk_shares: Mapping[str, float]
    n_days: int
    reasons: Mapping[str, str]


def allocate(config: AllocationConfig, names: Sequence[str], returns: FloatArray) -> Allocation:
    """Return the share of each strategy.

    Parameters
    ----------
    config : AllocationConfig
        Method and bounds.
    names : sequence of str
        Strategies, in the order of the columns.
    returns : ndarray, shape (n_days, n_strategies)
        Profit of each session per money allocated, net of costs, oldest first; NaN where a strategy had no money.

    Returns
    -------
    Allocation
        Estimated where a strategy has enough sessions, else its initial weight, ``total / n`` at most `max_weight`.

    Raises
    ------
    DataError
        Returns have another shape than names, or are infinite.

    Notes
    -----
    Of returns a session in units of their own volatility, covariances are shrunk towards a multiple of the identity
    [ledoit_wolf_2004]_ and means towards their common one [jorion_1986]_. Weights solve one convex problem with
    ``0 <= w <= max_weight`` and ``sum(w) <= total``, by `skfolio`. Equal risk and risk parity spend all that strategies
    without an estimate leave; mean-variance and Kelly may leave money idle, and give 0 to what is not expected to earn.
    Growth-optimal weights maximise ``mean - variance / 2``; a fraction ``f`` of them ``mean - variance / (2 f)``.
    """
    window = _checked(names, returns)[-config.window_days :]
    reasons = {
        name: why for name, why in zip(names, map(_why_not, window.T, [config] * len(names)), strict=True) if why
    }
    told = [place for place, name in enumerate(names) if name not in reasons]
    weights = np.full(len(names), min(config.total / len(names), config.max_weight))
    if told and config.method is not AllocationMethod.EQUAL_WEIGHT:
        left = config.total - float(np.delete(weights, told).sum())
        own = window[:, told]
        own = own[np.isfinite(own).all(axis=1)]
        if own.shape[0] < config.min_days:
            reasons |= {names[place]: f"{own.shape[0]} sessions in common" for place in told}
        else:
            weights[told] = _estimated(config, [names[place] for place in told], own, left)
    weights[weights < _DUST] = 0.0
    return Allocation(
        weights=MappingProxyType(dict(zip(names, weights.tolist(), strict=True))),
        risk_shares=MappingProxyType(dict(zip(names, _risk_shares(window, weights).tolist(), strict=True))),
        n_days=window.shape[0],
        reasons=MappingProxyType(reasons),
    )


def _checked(names: Sequence[str], returns: FloatArray) -> FloatArray:
    if returns.ndim != 2 or returns.shape[1] != len(names) or not names:
        raise DataError(
            "returns do not fit the strategies", found=f"shape {returns.shape}", expected=f"(n_days, {len(names)})"
        )
    if np.isinf(returns).any():
        raise DataError("a return is infinite", found="infinity", expected="finite, or NaN where there is none")
    return returns


def _why_not(column: FloatArray, config: AllocationConfig) -> str:
    known = column[np.isfinite(column)]
    if known.shape[0] < config.min_days:
        return f"{known.shape[0]} sessions of {config.min_days}"
    n_active = int(np.count_nonzero(known))
    return "" if n_active >= _LEAST_ACTIVE else f"{n_active} sessions with a profit or loss of {_LEAST_ACTIVE}"


def _risk_shares(window: FloatArray, weights: FloatArray) -> FloatArray:
    """Return parts of the sample variance; of strategies with money whose returns are not told, nothing is known."""
    shares = np.full(weights.shape, np.nan)
    used = np.flatnonzero(weights > 0.0)
    known = window[:, used][np.isfinite(window[:, used]).all(axis=1)]
    if used.size and known.shape[0] >= 2:
        parts = weights[used] * (np.atleast_2d(np.cov(known, rowvar=False)) @ weights[used])
        if parts.sum() > 0.0:
            shares[weights == 0.0] = 0.0
            shares[used] = parts / parts.sum()
    return shares


# -- the methods ------------------------------------------------------------------------------------------------------


def _estimated(config: AllocationConfig, names: Sequence[str], returns: FloatArray, left: float) -> FloatArray:
    """Return weights of sum `left` or less; the library takes seconds to import, which only a run that asks pays."""
    from skfolio.optimization import RiskBudgeting

    # In units of each one's own volatility, so that shrinkage acts on correlations and Sharpe ratios: shrunk in money,
    # a calm strategy would be told more volatile than it is.
    volatility = returns.std(axis=0, ddof=1)
    scaled = returns / volatility
    match config.method:
        case AllocationMethod.EQUAL_RISK:
            return _spent(1.0 / volatility, config, left)
        case AllocationMethod.RISK_PARITY:
            model = RiskBudgeting(prior_estimator=_prior(len(names)), risk_budget=_budgets(config, names))
            return _spent(model.fit(scaled).weights_ / volatility, config, left)
        case AllocationMethod.MEAN_VARIANCE:
            return _of_most_utility(config.risk_aversion, config, scaled, volatility, left)
        case _:
            return _of_most_utility(1.0 / config.kelly_fraction, config, scaled, volatility, left)


def _budgets(config: AllocationConfig, names: Sequence[str]) -> FloatArray:
    budgets = dict(config.risk_budgets)
    usual = sum(budgets.values()) / len(budgets) if budgets else 1.0
    shares = np.array([budgets.get(name, usual) for name in names])
    scaled: FloatArray = shares / shares.sum()
    return scaled


def _of_most_utility(
    risk_aversion: float, config: AllocationConfig, scaled: FloatArray, volatility: FloatArray, left: float
) -> FloatArray:
    from skfolio.optimization import MeanRisk, ObjectiveFunction

    model = MeanRisk(
        objective_function=ObjectiveFunction.MAXIMIZE_UTILITY,
        risk_aversion=risk_aversion / 2.0,  # the library's price is of the whole variance
        prior_estimator=_prior(volatility.shape[0]),
        min_weights=0.0,
        max_weights=min(config.max_weight, left) * volatility,
        budget=None,
        left_inequality=(1.0 / volatility)[np.newaxis, :],
        right_inequality=np.array([left]),
    )
    found: FloatArray = np.asarray(model.fit(scaled).weights_, dtype=np.float64) / volatility
    return found


def _prior(n_strategies: int) -> Any:
    from skfolio.moments import EmpiricalMu, LedoitWolf, ShrunkMu
    from skfolio.prior import EmpiricalPrior

    # One mean has no common one to be shrunk towards.
    mean = ShrunkMu() if n_strategies > 1 else EmpiricalMu()
    return EmpiricalPrior(mu_estimator=mean, covariance_estimator=LedoitWolf())


def _spent(shares: FloatArray, config: AllocationConfig, left: float) -> FloatArray:
    """Return weights in proportion to shares and of sum `left`; what the cap takes off goes to the others."""
    found = np.asarray(shares, dtype=np.float64) / np.sum(shares) * left
    capped = np.zeros(found.shape, dtype=bool)
    while (found > config.max_weight * (1.0 + _DUST)).any():
        capped |= found > config.max_weight
        found[capped] = config.max_weight
        rest = left - config.max_weight * int(capped.sum())
        if capped.all():
            break
        found[~capped] *= max(rest, 0.0) / found[~capped].sum()
    return found
