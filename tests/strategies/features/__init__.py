"""Tests of the features, one file per question."""
