"""How simulated orders are filled: spreads around prints, far sides, slippage and sizes, each model named."""
