"""Execution: life cycle of orders, positions by fills, and a ledger whose profit is an identity."""
