"""Impact (how far a dollar of flow moves price) and relative illiquidity by price level.

Three parameters, three names: *impact* is Kyle's lambda (`ImpactEstimate.return_per_usd`), *screening* is the kappa of
Green's operator, and its *range* is the length over which the potential averages (`FieldConfig.screening_range`).
"""
