"""Strategies: a point-in-time view in, a decision out; pure, the same live and in a backtest."""
