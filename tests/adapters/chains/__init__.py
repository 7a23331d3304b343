"""Tests of the chain readers."""
