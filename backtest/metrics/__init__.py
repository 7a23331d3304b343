"""Metrics of a run: each with its definition, its unit and its reason where there is none."""
