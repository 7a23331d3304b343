"""The dealer book: signed contracts per option with a standard error, from open interest and signed trades."""

from fields.dealer.book import DealerBook, FlowCounters
from fields.dealer.config import DealerConfig, OpeningMode
from fields.dealer.history import FlowHistory, book_as_of
from fields.dealer.messages import (
    ContractSplit,
    DealerBookState,
    DealerPosition,
    OpenInterest,
    PositionReason,
    open_interest_record,
    split_table,
)
from fields.dealer.uncertainty import ExposureErrors, exposure_errors

__all__ = [
    "ContractSplit",
    "DealerBook",
    "DealerBookState",
    "DealerConfig",
    "DealerPosition",
    "ExposureErrors",
    "FlowCounters",
    "FlowHistory",
    "OpenInterest",
    "OpeningMode",
    "PositionReason",
    "book_as_of",
    "exposure_errors",
    "open_interest_record",
    "split_table",
]
