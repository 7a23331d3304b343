"""Strategies that trade the signals of the field: one file each, one flow of gates, size and exits for all."""
