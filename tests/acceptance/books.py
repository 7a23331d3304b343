"""What the oracle needs of a recorded chain: its raw columns, and the clock, forwards and volatilities that stand."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from fields.book import sorted_book
from fields.compute import FieldEvaluation, evaluate_field
from fields.config import FieldConfig, TimeBasis
from fields.forwards import imply_forwards
from fields.parity import parity_pairs
from fields.snapshot import FieldSnapshot
from fields.timebase import time_to_expiry, valuation_instant
from market.chains import OptionChain
from tests.acceptance.oracle import Contracts


class Valued(NamedTuple):
    """A field, and what the oracle starts from."""

    chain: OptionChain
    field: FieldSnapshot
    evaluation: FieldEvaluation
    tau: np.ndarray
    forward: np.ndarray
    discount: np.ndarray

    def contracts(self, sign_of_put: float = -1.0, sign_of_call: float = 1.0) -> Contracts:
        """Return the used contracts with open interest of the raw columns, signed by right."""
        chain, read = self.chain, self.evaluation.contracts
        place = read.place
        s, call = chain.series_index[place], chain.is_call[place]
        held = np.where(call, sign_of_call, sign_of_put) * chain.open_interest[place]
        return Contracts(
            strike=chain.strike[place], is_call=call, tau=self.tau[s], growth=self.forward[s] / self.field.spot,
            discount=self.discount[s], volatility=read.volatility, units=held * chain.multiplier[s],
        )  # fmt: skip


def valued(chain: OptionChain, config: FieldConfig) -> Valued:
    """Return a chain's field with its forwards and discounts; quotes count as of the instant they were alive."""
    at = valuation_instant(chain.ts_event_ns, chain.series[0].product)
    chain = replace(chain, quote_ts_ns=np.full(chain.strike.shape, at))
    evaluation = evaluate_field(chain, config)
    time = time_to_expiry(at, chain.series, TimeBasis.CALENDAR)
    forwards = imply_forwards(chain, parity_pairs(sorted_book(chain)), time, at)
    return Valued(chain, evaluation.snapshot, evaluation, time.years, forwards.forward, forwards.discount)
