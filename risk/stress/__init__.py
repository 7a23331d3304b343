"""A book under other markets: revaluation, named scenarios, value at risk and expected shortfall."""
