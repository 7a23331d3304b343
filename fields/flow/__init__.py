"""Flow features: what traded in each minute, whose side it was on, and what it leaves with the dealers.

One record a minute, true at its end from what came strictly before it; a stream (`FlowState`) and a replay
(`flow_minutes`) give the same numbers. `FLOW_FEATURES` is the list of readings with kinds and units.
"""
