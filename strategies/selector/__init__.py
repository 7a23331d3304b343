"""From the regimes of a market to the structure that is traded in it, or to none, with the reasons."""
