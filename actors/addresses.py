"""Where an actor is found: by name, so that whoever is restarted finds the others again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ray

__all__ = ["ActorAddress", "connect"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorAddress:
    """Name of an actor.

    Parameters
    ----------
    name : str
        Name, unique in the namespace.
    namespace : str
        Ray namespace of the system.
    """

    name: str
    namespace: str


def connect(address: ActorAddress) -> Any:
    """Return a handle of the actor; it stays good when the actor is restarted.

    A handle that is passed to a constructor would live in the object store, from where a restart may not get it back.
    """
    return ray.get_actor(address.name, address.namespace)
