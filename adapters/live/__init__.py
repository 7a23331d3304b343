"""What every live feed needs, whosever data it brings: numbered batches that can be told again, questions beside it."""
