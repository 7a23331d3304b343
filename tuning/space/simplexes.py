"""Weights of a table, of a list or of the strategies, as one dimension that keeps their sum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Final

from cluster.backtest_settings import BacktestSettings
from cluster.backtests.reading import nearest_name
from market.errors import ConfigError
from tuning.space.dimensions import Simplex
from tuning.space.targets import Steps, Target, target_of

__all__ = ["simplex_of"]

_KEYS: Final = {"simplex", "members", "points", "when"}
_ONE: Final = 1e-9  # a sum so near to 1 is 1
_WEIGHT: Final = "weight"


def simplex_of(path: str, form: Mapping[str, Any], base: BacktestSettings) -> Simplex:
    """Return weights that keep their sum.

    Parameters
    ----------
    path : str
        With a star for the member, such as ``strategies.condor.fuzzy.config.*.weight`` or ``strategies.*.weight``; or
        of a table of weights by name, or of a list of weights. Of a table whose tables have a weight the star and the
        weight may be left out.
    form : mapping of str to object
        ``simplex = true``, with ``members`` for some of them: the others keep their weights, and these their sum.
    base : BacktestSettings
        The configuration that is varied.

    Returns
    -------
    Simplex
        Its dimension.

    Raises
    ------
    ConfigError
        The path leads to no weights, a member is unknown, or there are fewer than two.
    """
    other = [key for key in form if key not in _KEYS]
    if other or form["simplex"] is not True:
        found = other[0] if other else f"simplex = {form['simplex']}"
        raise ConfigError(
            "a simplex cannot be", found=found, expected="simplex = true, and members or points beside it"
        )
    points = form.get("points")
    if points is not None and (isinstance(points, bool) or not isinstance(points, int) or points < 2):
        raise ConfigError("points cannot be", found=repr(points), expected="parts that the sum is divided into, from 2")
    named, targets, held = _found(path, base)
    members = _members(form.get("members"), tuple(targets), held)
    weights = None if held is None else tuple(held[each] for each in members)
    total = _total(members, held)
    if isinstance(named, Target):
        if len(members) != len(targets):
            raise ConfigError("a list of weights is varied whole", found=", ".join(members), action="leave out members")
        return Simplex(
            name=named.name, members=members, targets=(named.steps,), total=total, weights=weights, points=points
        )
    steps = tuple(targets[each] for each in members)
    return Simplex(name=named, members=members, targets=steps, total=total, weights=weights, points=points)


def _found(path: str, base: BacktestSettings) -> tuple[str | Target, dict[str, Steps], dict[str, float] | None]:
    """Return the name of a simplex or its list, where each member is written, and the weights of the base."""
    if "*" not in path.split("."):
        target = target_of(path, base)
        if target.kind == "list":
            return _of_list(target)
        if target.kind == "mapping":
            return _of_mapping(target, base)
        if target.kind != "table":
            raise ConfigError("a simplex needs weights", found=f"{target.name} is a {target.kind}", expected="a table")
        path = f"{path}.*.{_WEIGHT}"
    head, _, tail = path.partition("*")
    head, tail = head.rstrip("."), tail.lstrip(".")
    if head in {"strategies", "strategy"}:
        names, name = tuple(item.called for item in base.strategies), f"strategies.*.{tail}"
    else:
        parent = target_of(head, base)
        names, name = parent.inner, f"{parent.name}.*.{tail}"
    leaves = {each: leaf for each in names if (leaf := _leaf(f"{head}.{each}.{tail}", base)) is not None}
    held = {each: _weight(leaf.held) for each, leaf in leaves.items()}
    return name, {each: leaf.steps for each, leaf in leaves.items()}, _known(held)


def _leaf(path: str, base: BacktestSettings) -> Target | None:
    try:
        found = target_of(path, base)
    except ConfigError:  # not every table within has a weight
        return None
    return found if found.kind in {"float", "any"} else None


def _of_list(target: Target) -> tuple[Target, dict[str, Steps], dict[str, float] | None]:
    items = target.held if isinstance(target.held, Sequence) else ()
    held = {str(place): _weight(each) for place, each in enumerate(items)}
    return target, dict.fromkeys(held, target.steps), _known(held)


def _of_mapping(target: Target, base: BacktestSettings) -> tuple[str, dict[str, Steps], dict[str, float] | None]:
    """Return the weights of a table by name; an empty one is of the strategies, as the budgets of risk are."""
    told = target.held if isinstance(target.held, Mapping) and target.held else {}
    names = tuple(told) or tuple(item.called for item in base.strategies)
    held = {each: _weight(told.get(each)) for each in names}
    return target.name, {each: (*target.steps, each) for each in names}, _known(held)


def _weight(told: object) -> float | None:
    is_number = isinstance(told, int | float) and not isinstance(told, bool) and isfinite(told) and told >= 0.0
    return float(told) if is_number else None  # type: ignore[arg-type]  # mypy does not follow the flag


def _known(held: Mapping[str, float | None]) -> dict[str, float] | None:
    known = {name: each for name, each in held.items() if each is not None}
    return known if known and len(known) == len(held) else None


def _members(told: Any, known: tuple[str, ...], held: Mapping[str, float] | None) -> tuple[str, ...]:
    if told is None:
        found = known
    elif not isinstance(told, list) or not all(isinstance(each, str) for each in told):
        raise ConfigError("members cannot be", found=repr(told), expected="a list of names")
    else:
        found = tuple(told)
    for each in found:
        if each not in known:
            raise ConfigError("a member is unknown", found=each, expected=nearest_name(each, known or ("none",)))
    if len(found) < 2 or len(set(found)) != len(found):
        raise ConfigError("a simplex needs two members", found=", ".join(found) or "none", expected="two, each once")
    if len(found) < len(known) and held is None:
        raise ConfigError(
            "some members keep their weights", found="the base does not tell them", expected="all members"
        )
    return found


def _total(members: tuple[str, ...], held: Mapping[str, float] | None) -> float:
    """Return the sum that the members keep: 1 where they are all, else what the others leave of the sum of the base."""
    if held is None:
        return 1.0
    whole = sum(held.values())
    whole = 1.0 if abs(whole - 1.0) <= _ONE or whole <= 0.0 else whole
    found = whole - sum(weight for name, weight in held.items() if name not in members)
    if not found > 0.0:
        raise ConfigError(
            "nothing is left for the members", found=f"{found:g}", expected="weights of the others below 1"
        )
    return found
