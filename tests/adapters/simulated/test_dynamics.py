"""Stochastic variance with jumps: what the process pays on average is what the dealers quote."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from adapters.simulated import DayShape, JumpDynamics, Seasonality, SimulatedFeed, SimulatedMarket
from adapters.simulated.affine import AffineModel, expected_variance, log_characteristic, value_affine
from adapters.simulated.dynamics import dynamics_of, moved
from market.errors import ConfigError
from tests.adapters.simulated.samples import index_symbol, next_session, one_symbol, payload, stepped

_SYMBOL = index_symbol(dynamics=JumpDynamics())
_RAISED = replace(one_symbol(_SYMBOL, step_s=900.0), seasonality=Seasonality())
_MARKET = stepped(_RAISED, 12)


def _model(n: int, **changes: float) -> AffineModel:
    values = {
        "variance": 0.03,
        "long_run": 0.02,
        "reversion": 6.0,
        "vol_of_variance": 0.5,
        "correlation": -0.7,
        "intensity": 3.0,
        "jump_mean": -0.03,
        "jump_deviation": 0.03,
        "variance_jump": 0.03,
    }
    return AffineModel(**{name: np.full(n, changes.get(name, value)) for name, value in values.items()})


@pytest.mark.parametrize("sessions", [0.01, 1.0, 21.0, 250.0])
@pytest.mark.parametrize("intensity", [0.0, 3.0])
def test_values_are_those_of_the_inverted_transform(sessions: float, intensity: float) -> None:
    """Lewis's integral of the same characteristic function, by adaptive quadrature, gives the calls again."""
    time = np.array([sessions / 252.0])
    model = _model(1, intensity=intensity)
    k = np.linspace(-3.0, 2.5, 7) * np.sqrt(expected_variance(model, time))
    found = value_affine(model, time, k, np.zeros(7, dtype=np.int64)).call
    edges = np.concatenate(([0.0], np.geomspace(1.0, 60.0 / np.sqrt(0.02 * time[0]), 18)))

    def integrand(u: float, at: float) -> float:
        quiet, jumps = log_characteristic(model, time, np.array([[u - 0.5j]]))
        whole = np.exp((quiet + jumps)[0, 0] - intensity * time[0] - 1j * u * at)
        return float(whole.real / (u * u + 0.25))

    for at, value in zip(k, found, strict=True):
        total = sum(quad(integrand, a, b, args=(at,), limit=200)[0] for a, b in pairwise(edges))
        assert value == pytest.approx(1.0 - np.exp(0.5 * at) / np.pi * total, abs=2e-8)


def test_quoted_values_are_what_the_process_pays_on_average() -> None:
    """Twenty thousand paths of the market's own steps: calls and puts of a month within four standard errors."""
    table = dynamics_of([_SYMBOL])
    assert table is not None
    rng, n, steps = np.random.default_rng(5), 20_000, 84
    wide = replace(table, **{name: np.repeat(getattr(table, name), n) for name in table.__slots__ if name != "rows"})
    variance, log_value = np.full(n, 0.02), np.zeros(n)
    for _ in range(steps):
        draws = rng.standard_normal((2, n))
        move = moved(wide, variance, 0.25 / 252.0, price_chance=draws[0], variance_chance=draws[1], rng=rng)
        variance, log_value = move.variance, log_value + move.news
    strike = np.exp(np.linspace(-0.15, 0.08, 9))
    model = table.model(np.zeros(1, dtype=np.int64), np.array([0.02]))
    value = value_affine(model, np.array([steps * 0.25 / 252.0]), np.log(strike), np.zeros(9, dtype=np.int64))
    ended = np.exp(log_value)
    assert ended.mean() == pytest.approx(1.0, abs=4.0 * ended.std() / np.sqrt(n))
    for level, put, call in zip(strike, value.put, value.call, strict=True):
        for paid, worth in ((np.maximum(level - ended, 0.0), put), (np.maximum(ended - level, 0.0), call)):
            assert paid.mean() == pytest.approx(worth, abs=4.0 * paid.std() / np.sqrt(n) + 2e-5)


def test_true_values_admit_no_arbitrage() -> None:
    """Call spreads within the discount, butterflies above zero, parity exact, variance rising with expiry."""
    chain, truth = _MARKET.chains()[0], _MARKET.truth("SIM.SPX")
    assert np.all((chain.bid <= truth.price + 1e-9) & (truth.price <= chain.ask + 1e-9))
    fair = (truth.discount * truth.forward)[chain.series_index] - truth.discount[chain.series_index] * chain.strike
    np.testing.assert_allclose(truth.price[0::2] - truth.price[1::2], fair[0::2], atol=1e-6)
    for number, discount in enumerate(truth.discount):
        calls = (chain.series_index == number) & chain.is_call
        slope = np.diff(truth.price[calls]) / np.diff(chain.strike[calls])
        assert np.all((slope <= 1e-6) & (slope >= -discount - 1e-6))
        assert np.all(np.diff(slope) >= -1e-6)
    tau = (chain.expiry_ns - chain.ts_event_ns) / (365.0 * 86_400e9)
    total = (truth.volatility**2 * tau[chain.series_index])[np.abs(np.abs(truth.delta) - 0.5) < 0.05]
    place = chain.series_index[np.abs(np.abs(truth.delta) - 0.5) < 0.05]
    means = np.array([total[place == number].mean() for number in np.unique(place)])
    assert np.all(np.diff(means) > 0.0)


def test_delta_and_gamma_are_slopes_of_the_value() -> None:
    """Central differences in the forward, with the variance held."""
    time, place = np.array([5.0 / 252.0]), np.zeros(11, dtype=np.int64)
    k, h = np.linspace(-0.08, 0.06, 11), 1e-4
    model = _model(1)
    low, mid, high = (value_affine(model, time, k - np.log(f), place).call * f for f in (1.0 - h, 1.0, 1.0 + h))
    found = value_affine(model, time, k, place)
    np.testing.assert_allclose((high - low) / (2.0 * h), found.call + np.exp(k) * (1.0 - found.below), atol=1e-6)
    np.testing.assert_allclose((high - 2.0 * mid + low) / h**2, np.exp(k) * found.density, rtol=2e-3, atol=1e-3)


def test_jumps_steepen_the_smile_most_on_the_last_days() -> None:
    """Puts one day from expiry carry more volatility over the money than puts of three months, at equal distance."""
    chain, truth = _MARKET.chains()[0], _MARKET.truth("SIM.SPX")

    def steepness(place: int) -> float:
        chosen = (chain.series_index == place) & chain.is_call
        k = np.log(chain.strike[chosen] / truth.forward[place])
        low, money = np.interp([-0.03, 0.0], k, truth.volatility[chosen])
        return float(low - money)

    assert steepness(1) > 2.0 * steepness(len(chain.series) - 5) > 0.0


def test_a_raised_market_is_deterministic_and_rewinds() -> None:
    """The same bytes for a seed over a night, and after a rewind."""
    first, second = SimulatedFeed(_RAISED), SimulatedFeed(_RAISED)
    batches = [first.next_batch() for _ in range(32)]
    again = [second.next_batch() for _ in range(32)]
    first.rewind(20)
    for before, after in ((batches, again), (batches[21:], [first.next_batch() for _ in range(11)])):
        for one, other in zip(before, after, strict=True):
            assert [payload(item) for item in one.chains] == [payload(item) for item in other.chains]
            assert [payload(item) for item in one.trades] == [payload(item) for item in other.trades]


def test_symbols_of_both_kinds_share_a_market() -> None:
    """A plain symbol beside one with dynamics keeps its SSVI smile and its own path of values."""
    plain = index_symbol(symbol="SIM.PLAIN")
    both = SimulatedMarket(replace(_RAISED, symbols=(plain, _SYMBOL), seasonality=None))
    alone = SimulatedMarket(replace(_RAISED, symbols=(plain, replace(_SYMBOL, dynamics=None)), seasonality=None))
    one, other = both.truth("SIM.PLAIN"), alone.truth("SIM.PLAIN")
    np.testing.assert_array_equal(one.volatility, other.volatility)
    assert np.abs(both.truth("SIM.SPX").volatility - alone.truth("SIM.SPX").volatility).max() > 0.005


def test_open_interest_rolls_with_what_customers_opened_and_closed() -> None:
    """The figure of the next day is yesterday's plus the day's change of all longs; what expired is gone."""
    market = SimulatedMarket(replace(_RAISED, step_s=3_600.0))
    chain, before = market.chains()[0], market.truth("SIM.SPX")
    np.testing.assert_array_equal(chain.open_interest, before.live_open_interest)
    while market.chains()[0].session == chain.session:
        names, live = market.chains()[0].symbols, market.truth("SIM.SPX").live_open_interest
        market.step()
    after = market.chains()[0]
    published = dict(zip(after.symbols.tolist(), after.open_interest.tolist(), strict=True))
    expired = chain.series[0].expiration.strftime("%y%m%d").encode()
    for name, held in zip(names.tolist(), live.tolist(), strict=True):
        assert published.get(name, 0.0) == (0.0 if expired == name[7:13] else held)


@pytest.mark.parametrize("shape", [DayShape(), DayShape(opening=3.0, closing=1.0, fade=0.1, rise=0.05)])
def test_a_shape_of_the_day_weighs_one_on_average(shape: DayShape) -> None:
    """Its sum runs from 0 to 1, and its weight is the slope of the sum."""
    assert (shape.passed(0.0), shape.passed(1.0)) == (0.0, 1.0)
    for x in (0.1, 0.5, 0.9):
        slope = (shape.passed(x + 1e-6) - shape.passed(x - 1e-6)) / 2e-6
        assert shape.weight(x) == pytest.approx(slope, rel=1e-6)


def test_the_day_is_busiest_at_its_ends() -> None:
    """Variance, trades and relative spreads of a seasonal market are higher in the first and last hour than between."""
    market = SimulatedMarket(replace(_RAISED, symbols=(replace(_SYMBOL, hedge_ratio=0.0),), step_s=300.0))
    steps, volume = [], []
    for _ in range(77):
        market.step()
        steps.append(market.truth("SIM.SPX").spot)
        volume.append(sum(trades.size[trades.contract >= 0].sum() for trades in market.trades()))
    traded = np.array(volume)
    assert traded[:6].mean() > 1.5 * traded[30:48].mean()
    assert traded[-6:].mean() > 1.2 * traded[30:48].mean()
    squares = np.diff(np.log(steps)) ** 2
    assert squares[:10].mean() > squares[30:48].mean()
    next_session(market)
    assert market.chains()[0].volume.sum() == 0.0


def test_settings_that_cannot_work_are_refused() -> None:
    """A correlation is below one, a shape stays above zero."""
    with pytest.raises(ConfigError, match="dynamics"):
        JumpDynamics(correlation=-1.0)
    with pytest.raises(ConfigError, match="shape"):
        DayShape(opening=-1.0)
