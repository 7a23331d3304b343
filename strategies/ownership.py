"""What of the account belongs to one strategy: several may trade in one account and must not take each other's."""

from __future__ import annotations

from strategies.views import AccountView, HeldPackage, WorkingOrder

__all__ = ["has_package", "has_working", "own_packages", "own_working"]


def own_packages(account: AccountView, name: str) -> tuple[HeldPackage, ...]:
    """Return the open packages of a strategy, oldest first."""
    return tuple([package for package in account.packages if package.strategy == name])  # a list first: at every event


def has_package(account: AccountView, name: str) -> bool:
    """Tell whether a strategy holds an open package."""
    return any(package.strategy == name for package in account.packages)


def own_working(account: AccountView, name: str) -> tuple[WorkingOrder, ...]:
    """Return the orders of a strategy that may still be filled, oldest first."""
    return tuple([order for order in account.working if order.strategy == name])


def has_working(account: AccountView, name: str) -> bool:
    """Tell whether an order of a strategy may still be filled."""
    return any(order.strategy == name for order in account.working)
