"""A JSON schema of what our manifests use, cut out of KubeRay's own definition of a RayJob.

The definition (1 MB) is not kept here. From a checkout of KubeRay, write the schema anew by
``python -m tests.k8s.crd_schema ray-operator/config/crd/bases/ray.io_rayjobs.yaml v1.7.0``.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any, Final

import yaml

__all__ = ["SCHEMA", "schema_of", "trimmed"]

SCHEMA: Final = Path(__file__).with_name("rayjob.schema.json")

# What may stand in a pod and in a Ray cluster of ours; all else of Kubernetes is refused here until it is named.
_KEPT: Final = {
    "containers": {
        *("args", "command", "env", "envFrom", "image", "imagePullPolicy", "name", "ports", "resources"),
        *("securityContext", "volumeMounts", "workingDir"),
    },
    "volumes": {"configMap", "emptyDir", "name", "persistentVolumeClaim", "secret"},
    "pod": {
        *("automountServiceAccountToken", "containers", "enableServiceLinks", "imagePullSecrets", "initContainers"),
        *("nodeSelector", "priorityClassName", "restartPolicy", "securityContext", "serviceAccountName"),
        *("terminationGracePeriodSeconds", "tolerations", "volumes"),
    },
    "rayClusterSpec": {
        *("authOptions", "enableInTreeAutoscaling", "headGroupSpec", "managedBy", "rayVersion", "suspend"),
        "workerGroupSpecs",
    },
}
_WORDS: Final[tuple[str, ...]] = (
    "type",
    "enum",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "pattern",
)
_SMALL: Final = 120  # characters; a shorter part is not worth a name


def trimmed(part: dict[str, Any], place: str = "") -> dict[str, Any]:
    """Return a part of an OpenAPI schema as JSON schema: closed, without texts, with what may be left out left out.

    The API server fills in defaults before it looks for what is required, so a name with a default is not required.
    """
    if part.get("x-kubernetes-int-or-string"):
        return {"anyOf": [{"type": "integer"}, {"type": "string"}]}
    found: dict[str, Any] = {word: part[word] for word in _WORDS if word in part}
    rules = [rule["rule"] for rule in part.get("x-kubernetes-validations", ()) if "oldSelf" not in rule["rule"]]
    if rules:
        found["x-rules"] = rules
    if "items" in part:
        found["items"] = trimmed(part["items"], place)
    if isinstance(part.get("additionalProperties"), dict):
        found["additionalProperties"] = trimmed(part["additionalProperties"], place)
    if "properties" in part:
        found |= _closed(part, place)
    return found


def _closed(part: dict[str, Any], place: str) -> dict[str, Any]:
    names = set(part["properties"])
    pod = "containers" in names and "volumes" in names
    kept = names & _KEPT.get("pod" if pod else place.replace("initContainers", "containers"), names)
    found: dict[str, Any] = {
        "properties": {name: trimmed(part["properties"][name], name) for name in sorted(kept)},
        "additionalProperties": False,
    }
    needed = [name for name in part.get("required", ()) if "default" not in part["properties"][name]]
    return found | ({"required": needed} if needed else {})


def _shared(part: Any, named: dict[str, Any]) -> Any:
    """Name each longer part by its content, so that what stands several times is kept once."""
    if isinstance(part, list):
        return [_shared(item, named) for item in part]
    if not isinstance(part, dict):
        return part
    found = {key: _shared(value, named) for key, value in part.items()}
    text = json.dumps(found, sort_keys=True)
    if len(text) < _SMALL or not {"type", "properties"} & set(found):
        return found
    name = hashlib.sha256(text.encode()).hexdigest()[:8]
    named[name] = found
    return {"$ref": f"#/definitions/{name}"}


def schema_of(definition: dict[str, Any], version: str) -> dict[str, Any]:
    """Return the schemas of a RayJob, of the rules of a network policy and of a volume claim.

    Parameters
    ----------
    definition : dict
        KubeRay's definition of the kind RayJob.
    version : str
        Of KubeRay.

    Returns
    -------
    dict
        JSON schema of draft 7 with the three as definitions ``RayJob``, ``NetworkRules`` and ``VolumeClaim``: the last
        two stand within the first, as parts of a cluster's own policy and of a volume.
    """
    (served,) = [v for v in definition["spec"]["versions"] if v["name"] == "v1"]
    whole = served["schema"]["openAPIV3Schema"]["properties"]["spec"]
    cluster = whole["properties"]["rayClusterSpec"]["properties"]
    rules = cluster["networkPolicy"]["properties"]["head"]
    volumes = cluster["headGroupSpec"]["properties"]["template"]["properties"]["spec"]["properties"]["volumes"]
    claim = volumes["items"]["properties"]["ephemeral"]["properties"]["volumeClaimTemplate"]["properties"]["spec"]
    named: dict[str, Any] = {}
    wanted = {"RayJob": whole, "NetworkRules": rules, "VolumeClaim": claim}
    doors = {name: _shared(trimmed(part, name), named) for name, part in wanted.items()}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$comment": f"KubeRay {version}, kind RayJob of ray.io/v1, cut by tests/k8s/crd_schema.py, which says how",
        "definitions": named | doors,
    }


def main(path: str, version: str) -> None:
    """Write the schema of a definition beside this file."""
    definition = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    text = json.dumps(schema_of(definition, version), separators=(",", ":"), sort_keys=True)
    SCHEMA.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
