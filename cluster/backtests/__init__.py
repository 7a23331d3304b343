"""A backtest from its configuration file to its run folder: reading, wiring, running, explaining."""
