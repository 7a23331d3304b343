"""Trade signing: who took the initiative in each trade, and how sure that is (docs/fields/trade-signing.md).

The only thing inferred here is the aggressor's side with a probability. What dealers hold follows from it elsewhere;
`dealer_side` is the one place where the sign is turned round.
"""
