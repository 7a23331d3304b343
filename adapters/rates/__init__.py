"""Rates, volatility indices, ratios and announced events from files, each value with the instant of publication."""

from adapters.rates.events import read_events
from adapters.rates.publication import PUBLISHED, BusinessDays, PublicationRule, SeriesTerms
from adapters.rates.series import read_series

__all__ = ["PUBLISHED", "BusinessDays", "PublicationRule", "SeriesTerms", "read_events", "read_series"]
