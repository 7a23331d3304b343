"""Fuzzy sizing: ten factors, a causal volatility percentile, and the share of a size that they leave (Q55 to Q75)."""
