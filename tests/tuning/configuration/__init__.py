"""Tests of `tuning.configuration`."""
