"""The maths: Greeks, implied volatility, exposures, Green's operator, potential and its readings."""
