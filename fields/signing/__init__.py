"""Trade signing: who took the initiative in each trade, and how sure that is (docs/fields/trade-signing.md).

The only thing inferred here is the aggressor's side with a probability. What dealers hold follows from it elsewhere;
`dealer_side` is the one place where the sign is turned round.
"""

from __future__ import annotations

from fields.signing.config import FlagWeights, SigningConfig, StepAccuracy
from fields.signing.messages import DealerSide, SignedTrades, SigningStatus, UnbiasedFlow, dealer_side, unbiased_flow
from fields.signing.minutes import MinuteVolumes, SigningCoverage, minute_volumes, signing_coverage
from fields.signing.nbbo import NbboBuilder
from fields.signing.rules import SigningRule, SigningStep
from fields.signing.signer import SignerCounts, TradeSigner, sign_trades

__all__ = [
    "DealerSide",
    "FlagWeights",
    "MinuteVolumes",
    "NbboBuilder",
    "SignedTrades",
    "SignerCounts",
    "SigningConfig",
    "SigningCoverage",
    "SigningRule",
    "SigningStatus",
    "SigningStep",
    "StepAccuracy",
    "TradeSigner",
    "UnbiasedFlow",
    "dealer_side",
    "minute_volumes",
    "sign_trades",
    "signing_coverage",
    "unbiased_flow",
]
