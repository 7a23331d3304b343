"""What a sweep is told: one frozen tree beside that of the backtest it varies."""
