"""Histories for backtests: recorded files, the point-in-time store, and the simulated market, each told apart."""
