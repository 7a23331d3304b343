"""Tests of risk.stress.results."""
