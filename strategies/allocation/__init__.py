"""How the money of one account is shared between strategies."""

from strategies.allocation.config import AllocationConfig, AllocationMethod
from strategies.allocation.weights import Allocation, allocate

__all__ = ["Allocation", "AllocationConfig", "AllocationMethod", "allocate"]
