"""A future that runs ahead of its share while the share does not trade, measured with its carry, and what follows."""
