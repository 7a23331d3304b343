"""The surface: 40 expirations x 250 strikes fitted together, against a general least-squares solver slice by slice.

Run ``python -m benchmarks.bench_surface``. The general solver fits each slice on its own, with exact derivatives left
to it and without the calendar bound, which makes its task the easier one.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.optimize import least_squares

from benchmarks.harness import Row, interleaved_ns, print_rows, ratio_row
from fields.surface.essvi import total_variance
from fields.surface.layer import N_LAYER, fit_layers
from fields.surface.slices import calibrate_slices
from market.chains import FloatArray

__all__ = ["run"]

_SLICES, _STRIKES = 40, 250
_REACH_MS = 10.0
_HALF_SPREAD_VOL = 0.002


def noisy_surface(noise: float) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return (k, iv, weight, tau, exact iv) of an index-like surface, -5 to 2.5 standard deviations."""
    tau = np.linspace(1.0 / 365.0, 2.0, _SLICES)
    theta = 0.04 * tau
    rho, psi = -0.8 + 0.15 * tau, theta / (0.9 * np.sqrt(theta))
    k = np.linspace(-5.0, 2.5, _STRIKES) * np.sqrt(theta)[:, None]
    exact = np.sqrt(total_variance(theta[:, None], rho[:, None], psi[:, None], k) / tau[:, None]).ravel()
    iv = exact * (1.0 + noise * np.random.default_rng(1).standard_normal(exact.shape))
    z = k.ravel() / (iv * np.sqrt(np.repeat(tau, _STRIKES)))
    return k.ravel(), iv, np.exp(-0.5 * (z / 1.2) ** 2) / _HALF_SPREAD_VOL, tau, exact


def general_solver(k: FloatArray, iv: FloatArray, weight: FloatArray, tau: FloatArray) -> FloatArray:
    """Return (theta, rho, psi) of each slice by SciPy's bounded least squares, shape (n_slices, 3)."""
    found = []
    for s, years in enumerate(tau):
        part = slice(s * _STRIKES, (s + 1) * _STRIKES)
        x, y, w = k[part], iv[part], weight[part]
        level = float(np.interp(0.0, x, y)) ** 2 * years

        def residuals(
            p: FloatArray, x: FloatArray = x, y: FloatArray = y, w: FloatArray = w, years: float = years
        ) -> FloatArray:
            return np.asarray(w * (np.sqrt(total_variance(p[0], p[1], p[2], x) / years) - y))

        start, bounds = [level, -0.5, np.sqrt(level)], ([1e-9, -0.999, 1e-9], [10.0, 0.999, 4.0])
        found.append(least_squares(residuals, start, bounds=bounds, x_scale=np.abs(start), loss="huber", f_scale=1.0).x)
    return np.array(found)


def run() -> list[Row]:
    """Return the rows of the result table."""
    rows: list[Row] = []
    start = np.arange(_SLICES + 1) * _STRIKES
    for noise in (0.0, 0.005, 0.05):
        k, iv, weight, tau, exact = noisy_surface(noise)
        times = interleaved_ns(
            {"ours": partial(calibrate_slices, k, iv, weight, start, tau)}, rounds=41, clock=time.thread_time_ns
        )["ours"]
        fit = calibrate_slices(k, iv, weight, start, tau)
        s = np.repeat(np.arange(_SLICES), _STRIKES)
        error = np.sqrt(total_variance(fit.theta[s], fit.rho[s], fit.psi[s], k) / tau[s]) - exact
        near = np.abs(k) < 2.0 * np.sqrt(fit.theta[s])
        rmse_bp = 1e4 * float(np.sqrt(np.mean(error[near] ** 2)))
        milliseconds = statistics.median(times) / 1e6
        rows.append(
            Row(
                name=f"eSSVI, 40 x 250, {noise:.1%} noise",
                size=k.size,
                value=milliseconds,
                unit="ms",
                reach=f"<= {_REACH_MS:g}",
                passed=milliseconds <= _REACH_MS,
                note=f"{fit.rounds} joint rounds, RMSE {rmse_bp:.2g} bp",
            )
        )
    k, iv, weight, tau, _ = noisy_surface(0.005)
    fit, layer = calibrate_slices(k, iv, weight, start, tau), np.empty((_SLICES, N_LAYER))
    quotes = (k, iv, np.full(k.shape, _HALF_SPREAD_VOL), np.ones(k.shape))
    on_top = partial(fit_layers, *quotes, start, tau, fit.theta, fit.rho, fit.psi, 24, layer)
    spline = statistics.median(interleaved_ns({"layer": on_top}, rounds=41, clock=time.thread_time_ns)["layer"]) / 1e6
    rows.append(Row(name="Spline on top of each slice, 0.5% noise", size=k.size, value=spline, unit="ms"))
    calls: dict[str, Callable[[], object]] = {
        "ours": partial(calibrate_slices, k, iv, weight, start, tau),
        "scipy": partial(general_solver, k, iv, weight, tau),
    }
    times_of = interleaved_ns(calls, clock=time.thread_time_ns)
    rows.append(
        Row(
            name="SciPy least squares by slice",
            size=k.size,
            value=statistics.median(times_of["scipy"]) / 1e6,
            unit="ms",
        )
    )
    rows.append(
        ratio_row("eSSVI: ours against SciPy by slice", k.size, times_of["scipy"], times_of["ours"], reach=30.0)
    )
    return rows


if __name__ == "__main__":
    print_rows(run())
