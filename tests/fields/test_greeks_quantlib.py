"""Greeks against QuantLib's BlackCalculator, analytic where it has them and by four-point differences elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813  # its own documents call it so

from fields.greeks import Greeks, greeks
from market.chains import FloatArray
from tests.fields.reference import Columns, greeks_and_scales

Calculator = Callable[[float, float, float], ql.BlackCalculator]


def moderate_cases(n: int, seed: int) -> Columns:
    """Return contracts with |d1| <= 4, where QuantLib's own digits suffice."""
    rng = np.random.default_rng(seed)
    S = rng.uniform(10.0, 5_000.0, n)
    tau = np.exp(rng.uniform(np.log(1e-3), np.log(3.0), n))
    sigma = rng.uniform(0.05, 1.5, n)
    r, q = rng.uniform(-0.02, 0.12, n), rng.uniform(0.0, 0.12, n)
    a = sigma * np.sqrt(tau)
    K = S * np.exp((r - q) * tau + a * a / 2 - rng.uniform(-3.9, 3.9, n) * a)
    return S, K, tau, r, q, sigma, rng.random(n) < 0.5


def calculator(case: tuple[float, ...]) -> Calculator:
    """Return QuantLib's calculator as a function of (spot, tau, volatility)."""
    _S, K, _t, r, q, _sigma, is_call = (float(x) for x in case)
    payoff = ql.PlainVanillaPayoff(ql.Option.Call if is_call else ql.Option.Put, K)

    def at(S: float, t: float, sigma: float) -> ql.BlackCalculator:
        return ql.BlackCalculator(payoff, S * np.exp((r - q) * t), sigma * np.sqrt(t), np.exp(-r * t))

    return at


def slope(function: Callable[[float], float], x: float, h: float) -> float:
    """Return the central four-point difference."""
    return (8 * (function(x + h) - function(x - h)) - (function(x + 2 * h) - function(x - 2 * h))) / (12 * h)


@pytest.fixture(scope="module")
def columns() -> Columns:
    return moderate_cases(2_000, seed=17)


@pytest.fixture(scope="module")
def found(columns: Columns) -> Greeks:
    return greeks(*columns)


def analytic(name: str, at: Calculator, S: float, t: float, sigma: float) -> float:
    """Return a Greek that QuantLib has in closed form; its volga lacks a factor sqrt(tau)."""
    one = at(S, t, sigma)
    found: dict[str, Callable[[], float]] = {
        "price": one.value,
        "delta": lambda: one.delta(S),
        "gamma": lambda: one.gamma(S),
        "vega": lambda: one.vega(t),
        "theta": lambda: one.theta(S, t),
        "rho": lambda: one.rho(t),
        "psi": lambda: one.dividendRho(t),
        "vanna": lambda: one.vanna(S, t),
        "vomma": lambda: one.volga(t) * np.sqrt(t),
    }
    return found[name]()


def by_differences(name: str, at: Calculator, S: float, t: float, sigma: float) -> float:
    """Return a Greek as the difference of one that QuantLib has in closed form."""
    step = 1e-3
    found: dict[str, Callable[[], float]] = {
        "charm": lambda: -slope(lambda u: at(S, u, sigma).delta(S), t, step * t),
        "color": lambda: -slope(lambda u: at(S, u, sigma).gamma(S), t, step * t),
        "veta": lambda: -slope(lambda u: at(S, u, sigma).vega(u), t, step * t),
        "zomma": lambda: slope(lambda u: at(S, t, u).gamma(S), sigma, step * sigma),
        "vomma": lambda: slope(lambda u: at(S, t, u).vega(t), sigma, step * sigma),
        "speed": lambda: slope(lambda u: at(u, t, sigma).gamma(u), S, step * S * min(1.0, sigma * np.sqrt(t))),
    }
    return found[name]()


def errors_against(quantlib: Callable[..., float], name: str, columns: Columns, found: Greeks, n: int) -> FloatArray:
    """Return the scaled errors of the first n contracts."""
    errors = np.empty(n)
    for i, case in enumerate(list(zip(*columns, strict=True))[:n]):
        expected = quantlib(name, calculator(case), float(case[0]), float(case[2]), float(case[5]))
        errors[i] = abs(getattr(found, name)[i] - expected) / float(greeks_and_scales(case)[1][name][1])
    return errors


@pytest.mark.parametrize("name", ["price", "delta", "gamma", "vega", "theta", "rho", "psi", "vanna", "vomma"])
def test_analytic_greeks_agree_with_quantlib(name: str, columns: Columns, found: Greeks) -> None:
    """2 000 contracts within 1e-8."""
    assert errors_against(analytic, name, columns, found, 2_000).max() <= 1e-8


@pytest.mark.parametrize("name", ["charm", "color", "veta", "zomma", "vomma", "speed"])
def test_higher_greeks_agree_with_differences_of_quantlib(name: str, columns: Columns, found: Greeks) -> None:
    """1 500 contracts: scaled error at most 1e-5, and 1e-8 for 99 of 100."""
    errors = errors_against(by_differences, name, columns, found, 1_500)
    assert errors.max() <= 1e-5
    assert np.quantile(errors, 0.99) <= 1e-8
