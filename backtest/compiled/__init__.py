"""Compiled runs of strategies that hold a target position over the bars of one instrument.

The same orders and fills as the event path, to the tick, at the speed of a loop in machine code; for screening and for
grids of parameters. What it cannot do (packages, partial fills, halts, margin) the event path does.
"""
