"""What of the account belongs to one strategy: several may trade in one account and must not take each other's."""

from __future__ import annotations

from strategies.views import AccountView, HeldPackage, WorkingOrder

__all__ = ["has_package", "has_working", "own_packages", "own_working"]


def own_packages(account: AccountView, name: str, structure: str = "") -> tuple[HeldPackage, ...]:
    """Return open packages of a strategy, oldest first.

    Parameters
    ----------
    account : AccountView
        The account.
    name : str
        Of the strategy.
    structure : str, optional
        Only packages of this structure: plans that share the name of a strategy look each after its own.

    Returns
    -------
    tuple of HeldPackage
        Oldest first.
    """
    found = [package for package in account.packages if package.strategy == name]  # a list first: at every event
    return tuple([package for package in found if package.structure == structure] if structure else found)


def has_package(account: AccountView, name: str) -> bool:
    """Tell whether a strategy holds an open package."""
    return any(package.strategy == name for package in account.packages)


def own_working(account: AccountView, name: str) -> tuple[WorkingOrder, ...]:
    """Return the orders of a strategy that may still be filled, oldest first."""
    return tuple([order for order in account.working if order.strategy == name])


def has_working(account: AccountView, name: str) -> bool:
    """Tell whether an order of a strategy may still be filled."""
    return any(order.strategy == name for order in account.working)
