"""Tests of `tuning.space`."""
