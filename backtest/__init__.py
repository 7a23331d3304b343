"""Backtest: one event-driven engine over recorded or simulated data, its fills, costs, metrics and reports."""
