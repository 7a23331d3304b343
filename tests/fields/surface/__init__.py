"""Tests of the volatility surface."""
