"""The implied-volatility surface: eSSVI slices fitted together, without arbitrage whatever the quotes are."""
