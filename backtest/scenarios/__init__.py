"""Days that break strategies, as definitions: dates, inputs, the market that they imply, and what must hold in it."""
