"""Forward and discount: exact prices give them back, noise moves them little, bad input is refused with a reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from fields.book import sorted_book
from fields.config import TimeBasis
from fields.forwards import Forwards, ForwardSource, imply_forwards
from fields.parity import parity_pairs
from fields.timebase import time_to_expiry
from market.chains import OptionChain
from tests.generators import AS_OF_NS, YEAR_NS, Expiry, synthetic_chain

RATE, DIVIDEND = 0.04, 0.01


def forwards_of(chain: OptionChain) -> Forwards:
    """Run the stage on a chain valued at its own instant."""
    time = time_to_expiry(chain.ts_event_ns, chain.series, TimeBasis.CALENDAR)
    return imply_forwards(chain, parity_pairs(sorted_book(chain)), time, chain.ts_event_ns)


def truth(chain: OptionChain) -> tuple[np.ndarray, np.ndarray]:
    """Return the forwards and discounts that made a synthetic chain about 4000."""
    tau = (chain.expiry_ns - AS_OF_NS) / YEAR_NS
    return 4000.0 * np.exp((RATE - DIVIDEND) * tau), np.exp(-RATE * tau)


def test_exact_prices_give_forward_and_discount_back() -> None:
    """Parity is an identity: forward and discount to 1e-10."""
    chain = synthetic_chain()
    found, (forward, discount) = forwards_of(chain), truth(chain)
    assert found.source.tolist() == [ForwardSource.PARITY] * 3
    assert np.allclose(found.forward, forward, rtol=1e-10, atol=0)
    assert np.allclose(found.discount, discount, rtol=1e-10, atol=0)


@pytest.mark.parametrize("seed", range(5))
def test_noise_moves_the_forward_less_than_its_own_size(seed: int) -> None:
    """With 0.2 USD of noise on each mid forwards stay within 0.2 USD and rates within 1 %."""
    chain = synthetic_chain(half_spread=0.3, noise=0.2, seed=seed)
    found, (forward, discount) = forwards_of(chain), truth(chain)
    tau = (chain.expiry_ns - AS_OF_NS) / YEAR_NS
    assert np.abs(found.forward - forward).max() < 0.2
    assert np.abs(np.log(found.discount / discount) / tau).max() < 0.01


def test_one_stale_quote_does_not_move_the_forward() -> None:
    """A call whose quote is 50 USD off, at the money, is trimmed."""
    chain = synthetic_chain(half_spread=0.3)
    wrong = int(np.flatnonzero((chain.strike == 4000.0) & chain.is_call)[0])
    bid, ask = chain.bid.copy(), chain.ask.copy()
    bid[wrong] += 50.0
    ask[wrong] += 50.0
    found, (forward, _) = forwards_of(replace(chain, bid=bid, ask=ask)), truth(chain)
    assert np.allclose(found.forward, forward, rtol=1e-6, atol=0)


def test_spot_is_the_forward_of_the_first_expiry() -> None:
    """Whatever is printed."""
    found = forwards_of(replace(synthetic_chain(), spot_last=4010.0))
    assert found.spot.source == "parity_forward:2023-06-09"
    assert found.spot.price == found.forward[0]
    assert found.spot.reason == ""


def test_crossed_and_one_sided_quotes_are_left_out() -> None:
    """A series with bids on calls only has no pair; its forward comes from the carry of the others."""
    chain = synthetic_chain(half_spread=0.3)
    silent = (chain.series_index == 1) & ~chain.is_call
    found, (forward, _) = forwards_of(replace(chain, bid=np.where(silent, 0.0, chain.bid))), truth(chain)
    assert found.source.tolist() == [ForwardSource.PARITY, ForwardSource.CARRY_CURVE, ForwardSource.PARITY]
    assert found.forward[1] == pytest.approx(forward[1], rel=1e-3)


def test_zero_bids_everywhere_fall_back_to_the_printed_underlying() -> None:
    """With the reason beside it, and without carry or discount."""
    chain = synthetic_chain()
    found = forwards_of(replace(chain, bid=np.zeros_like(chain.bid)))
    assert found.spot.source == "printed_last"
    assert "two-sided" in found.spot.reason
    assert found.forward.tolist() == [4000.0] * 3
    assert set(found.source.tolist()) == {ForwardSource.PRINTED_SPOT}


def test_without_any_underlying_there_is_no_forward() -> None:
    """NaN and a reason, never a default."""
    chain = synthetic_chain()
    found = forwards_of(replace(chain, bid=np.zeros_like(chain.bid), spot_last=np.nan))
    assert np.isnan(found.spot.price)
    assert np.isnan(found.forward).all()
    assert "no underlying" in found.spot.reason


def test_published_deltas_stand_in_for_a_missing_underlying() -> None:
    """Deltas of the nearest expiration give spot back within 0.1 %."""
    from scipy.special import ndtr

    chain = synthetic_chain()
    tau = ((chain.expiry_ns - AS_OF_NS) / YEAR_NS)[chain.series_index]
    a = chain.vendor_iv * np.sqrt(tau)
    call = ndtr(np.log(4000.0 / chain.strike) / a + 0.03 * tau / a + 0.5 * a)
    bare = replace(
        chain, bid=np.zeros_like(chain.bid), spot_last=np.nan, vendor_delta=np.where(chain.is_call, call, call - 1.0)
    )
    found = forwards_of(bare)
    assert found.spot.source == "vendor_delta:2023-06-09"
    assert found.spot.price == pytest.approx(4000.0, rel=1e-3)


def test_american_pairs_far_from_the_money_are_ignored() -> None:
    """An early-exercise premium on deep puts leaves the forward alone."""
    chain = synthetic_chain(spot=400.0, root="SPY", half_spread=0.01)
    deep = ~chain.is_call & (chain.strike > 420.0)
    found = forwards_of(replace(chain, bid=chain.bid + 0.5 * deep, ask=chain.ask + 0.5 * deep))
    tau = (chain.expiry_ns - AS_OF_NS) / YEAR_NS
    assert np.allclose(found.forward, 400.0 * np.exp(0.03 * tau), rtol=2e-4, atol=0)


def test_strikes_from_before_a_split_do_not_set_the_forward() -> None:
    """Most quotes at ten times the price: the printed underlying says which ones count."""
    chain = synthetic_chain(spot=400.0, root="NVDA", expiries=(Expiry(date(2023, 6, 9)),), half_spread=0.01)
    stale = (chain.strike / 2.0).round() % 4 >= 1
    shifted = np.where(stale, 10.0, 1.0)
    found = forwards_of(replace(chain, strike=chain.strike * shifted, bid=chain.bid * shifted, ask=chain.ask * shifted))
    assert found.spot.price == pytest.approx(400.0, rel=1e-2)
