"""Tests of risk.limits.orders."""
