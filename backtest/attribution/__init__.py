"""Where a run's profit came from: Greeks, factors, and the life of each trade."""
