"""Real data against oracles of our own: nothing of `fields` stands on the expecting side."""
