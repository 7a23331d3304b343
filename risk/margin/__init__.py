"""Margin: what positions tie up, by the strategy rules of US options and by the tiers of perpetuals."""
