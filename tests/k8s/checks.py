"""What is wrong with a set of manifests, by the schema, the operator's own rules, and what we ask beyond them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import PurePosixPath
from typing import Any, Final

import jsonschema

from tests.k8s.crd_schema import SCHEMA
from tests.k8s.kustomize import Manifest

__all__ = ["RULES", "problems"]

_DEFINITIONS: Final = json.loads(SCHEMA.read_text(encoding="utf-8"))["definitions"]
_DELETED_FIRST: Final = ("DeleteWorkers", "DeleteCluster", "DeleteSelf")
_ENTRY: Final = re.compile(r"env -C (?P<folder>\S+) python -m (?P<module>[\w.]+) (?P<config>\S+)(?P<options>.*)")
_SECRET: Final = re.compile(r"(?i)password|passwd|secret|token|api_?key|://[^/\s]*:[^/\s]*@")

# The rules of the definition that are written in CEL, each a function of the part that it stands at.
RULES: Final[dict[str, Callable[[Any], bool]]] = {
    "!(has(self.jobStatus) && has(self.jobDeploymentStatus))": lambda x: (
        not ("jobStatus" in x and "jobDeploymentStatus" in x)
    ),
    "has(self.jobStatus) || has(self.jobDeploymentStatus)": lambda x: "jobStatus" in x or "jobDeploymentStatus" in x,
    "!((has(self.onSuccess) || has(self.onFailure)) && has(self.deletionRules))": lambda x: (
        not (("onSuccess" in x or "onFailure" in x) and "deletionRules" in x)
    ),
    "((has(self.onSuccess) && has(self.onFailure)) || has(self.deletionRules))": lambda x: (
        ("onSuccess" in x and "onFailure" in x) or "deletionRules" in x
    ),
    "self in ['ray.io/kuberay-operator', 'kueue.x-k8s.io/multikueue']": lambda x: (
        x in {"ray.io/kuberay-operator", "kueue.x-k8s.io/multikueue"}
    ),
}


def problems(manifests: list[Manifest]) -> list[str]:
    """Return what is wrong with manifests that belong together; nothing where all is well."""
    found: list[str] = []
    for manifest in manifests:
        name = f"{manifest.get('kind')} {manifest.get('metadata', {}).get('name')}"
        found += [f"{name}: {problem}" for problem in _of_kind(manifest)]
    jobs = [manifest for manifest in manifests if manifest.get("kind") == "RayJob"]
    if not found:
        found += [problem for job in jobs for problem in (*_job(job), *_references(job, manifests))]
    return found


def _of_kind(manifest: Manifest) -> list[str]:
    kind, api = manifest.get("kind"), manifest.get("apiVersion")
    match (api, kind):
        case ("ray.io/v1", "RayJob"):
            return [*_told(manifest, {"spec"}), *_by_schema("RayJob", manifest.get("spec"))]
        case ("v1", "PersistentVolumeClaim"):
            return [*_told(manifest, {"spec"}), *_by_schema("VolumeClaim", manifest.get("spec"))]
        case ("networking.k8s.io/v1", "NetworkPolicy"):
            return [*_told(manifest, {"spec"}), *_policy(manifest.get("spec", {}))]
        case ("v1", "ConfigMap"):
            texts = all(isinstance(value, str) for value in manifest.get("data", {}).values())
            return [*_told(manifest, {"data"}), *([] if texts else ["data of a ConfigMap are texts"])]
    return [f"{api} {kind} is not known"]


def _told(manifest: Manifest, parts: set[str]) -> Iterator[str]:
    for name in sorted({"apiVersion", "kind", "metadata"} | parts ^ set(manifest)):
        if name not in manifest:
            yield f"{name} is missing"
        elif name not in {"apiVersion", "kind", "metadata"}:
            yield f"{name} is unknown"
    metadata = manifest.get("metadata") or {}
    for name in sorted(set(metadata) - {"name", "labels", "annotations"}):
        yield f"metadata.{name} is unknown"
    if not re.fullmatch(r"[a-z]([-a-z0-9]{0,45}[a-z0-9])?", str(metadata.get("name"))):
        yield f"{metadata.get('name')} is no name of at most 47 letters"


def _by_schema(door: str, part: Any) -> Iterator[str]:
    schema = {"$ref": f"#/definitions/{door}", "definitions": _DEFINITIONS}
    for error in jsonschema.Draft7Validator(schema).iter_errors(part):
        yield f"{error.json_path}: {error.message[:200]}"
    yield from _by_rules(schema, part)


def _by_rules(schema: dict[str, Any], part: Any) -> Iterator[str]:
    if "$ref" in schema:
        yield from _by_rules(_DEFINITIONS[schema["$ref"].rpartition("/")[2]], part)
        return
    yield from (f"breaks {rule}" for rule in schema.get("x-rules", ()) if not RULES[rule](part))
    if isinstance(part, list) and "items" in schema:
        for item in part:
            yield from _by_rules(schema["items"], item)
    if isinstance(part, dict):
        for name, inner in schema.get("properties", {}).items():
            if name in part:
                yield from _by_rules(inner, part[name])


def _policy(spec: dict[str, Any]) -> Iterator[str]:
    yield from (f"{name} is unknown" for name in set(spec) - {"podSelector", "policyTypes", "ingress", "egress"})
    rules = {f"{way}Rules": spec[way] for way in ("ingress", "egress") if way in spec}
    yield from _by_schema("NetworkRules", rules)
    for way in ("ingress", "egress"):
        if (way in spec) != (way.capitalize() in spec.get("policyTypes", ())):
            yield f"{way} and policyTypes do not fit"
        if {} in spec.get(way, ()):
            yield f"{way} lets everything through"
    if not (spec.get("podSelector") or {}).get("matchLabels"):
        yield "podSelector chooses no pods by label"


def _templates(job: Manifest) -> dict[str, Manifest]:
    spec = job["spec"]
    cluster = spec["rayClusterSpec"]
    groups = {group["groupName"]: group["template"] for group in cluster["workerGroupSpecs"]}
    return {"head": cluster["headGroupSpec"]["template"], **groups, "submitter": spec["submitterPodTemplate"]}


def _job(job: Manifest) -> Iterator[str]:
    spec = job["spec"]
    cluster = spec["rayClusterSpec"]
    if cluster.get("rayVersion") != version("ray"):
        yield f"rayVersion is {cluster.get('rayVersion')}, locked is {version('ray')}"
    if cluster.get("authOptions", {}).get("mode") != "token":
        yield "authOptions do not ask for a token"
    if cluster["headGroupSpec"]["rayStartParams"].get("num-cpus") != "0":
        yield "the head has cores for lanes"
    if spec.get("shutdownAfterJobFinishes") and spec.get("deletionStrategy"):
        yield "shutdownAfterJobFinishes and deletionRules exclude each other"
    if spec.get("ttlSecondsAfterFinished") and not spec.get("shutdownAfterJobFinishes"):
        yield "ttlSecondsAfterFinished needs shutdownAfterJobFinishes"
    yield from _deletion(spec.get("deletionStrategy", {}).get("deletionRules", ()))
    yield from _entrypoint(spec)
    for group in cluster["workerGroupSpecs"]:
        least, most = group.get("minReplicas"), group.get("maxReplicas")
        if least is None or most is None or not 0 <= least <= group.get("replicas", least) <= most:
            yield f"{group['groupName']}: replicas {least} to {most}"
    for name, template in _templates(job).items():
        yield from (f"{name}: {problem}" for problem in _pod(template["spec"]))


def _deletion(rules: list[dict[str, Any]]) -> Iterator[str]:
    """Hold the rules against each other, as ``validateDeletionRules`` of the operator does."""
    seen: dict[str, dict[str, int]] = {}
    for rule in rules:
        condition = rule["condition"]
        status = str(condition.get("jobStatus", f"deployment {condition.get('jobDeploymentStatus')}"))
        if rule["policy"] in seen.setdefault(status, {}):
            yield f"{rule['policy']} stands twice for {status}"
        seen[status][rule["policy"]] = condition.get("ttlSeconds", 0)
    for status, times in seen.items():
        inner = [times[policy] for policy in _DELETED_FIRST if policy in times]
        if inner != sorted(inner):
            yield f"for {status} a whole is deleted before its part"
    if not {"SUCCEEDED", "FAILED", "deployment Failed"} <= set(seen):
        yield "a job that ended one way keeps its cluster for ever"


def _entrypoint(spec: dict[str, Any]) -> Iterator[str]:
    found = _ENTRY.fullmatch(str(spec.get("entrypoint")))
    if found is None or find_spec(found["module"]) is None:
        yield f"the entry point {spec.get('entrypoint')} is no module of ours, run where it may write"
        return
    head = spec["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["containers"][0]
    mounts = {mount["mountPath"]: mount for mount in head.get("volumeMounts", ())}
    if mounts.get(found["folder"], {"readOnly": True}).get("readOnly", False):
        yield f"reports cannot be written to {found['folder']}"
    options = found["options"].split()
    for name in {word for word in options if word.startswith("--")} - {"--resume", "--data", "--workers"}:
        yield f"the entry point has an option {name}"
    for path in (word for word in options if word.startswith("/")):
        if path not in mounts:
            yield f"nothing is mounted at {path}"
    if str(PurePosixPath(found["config"]).parent) not in mounts:
        yield f"nothing is mounted where {found['config']} is looked for"
    if spec.get("backoffLimit", 0) > 0 and "--resume" not in options:
        yield "another try would begin anew"


def _pod(pod: dict[str, Any]) -> Iterator[str]:
    if pod.get("automountServiceAccountToken") is not False:
        yield "the token of the service account is mounted"
    context = pod.get("securityContext", {})
    if context.get("runAsNonRoot") is not True or context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "it may run as root or call anything of the kernel"
    volumes = {volume["name"] for volume in pod.get("volumes", ())}
    for container in (*pod.get("initContainers", ()), *pod["containers"]):
        yield from (f"{container['name']}: {problem}" for problem in _container(container, volumes))


def _container(container: dict[str, Any], volumes: set[str]) -> Iterator[str]:
    told = container.get("resources", {})
    for name in ("cpu", "memory"):
        if not told.get("requests", {}).get(name) or told["requests"][name] != told.get("limits", {}).get(name):
            yield f"requests and limits of {name} are not the same"
    if not str(container.get("image")).endswith(f"-ray{version('ray')}"):
        yield f"the image {container.get('image')} does not say that its Ray is {version('ray')}"
    context = container.get("securityContext", {})
    if context.get("allowPrivilegeEscalation") is not False or context.get("readOnlyRootFilesystem") is not True:
        yield "it may become root or write into its image"
    if context.get("capabilities", {}).get("drop") != ["ALL"] or context.get("privileged"):
        yield "it keeps capabilities"
    for mount in container.get("volumeMounts", ()):
        if mount["name"] not in volumes or not PurePosixPath(mount["mountPath"]).is_absolute():
            yield f"the mount {mount['name']} has no volume"
    for entry in container.get("env", ()):
        if "value" in entry and (_SECRET.search(entry["name"]) or _SECRET.search(str(entry["value"]))):
            yield f"{entry['name']} is a secret in clear"


def _references(job: Manifest, manifests: list[Manifest]) -> Iterator[str]:
    there = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests}
    labels = job["metadata"]["labels"].items()
    for where, template in _templates(job).items():
        if not labels <= template["metadata"]["labels"].items():
            yield f"{where}: the network policy does not find it"
        for volume in template["spec"].get("volumes", ()):
            config, claim = volume.get("configMap"), volume.get("persistentVolumeClaim")
            if config and ("ConfigMap", config["name"]) not in there:
                yield f"{where}: no ConfigMap {config['name']}"
            if claim and ("PersistentVolumeClaim", claim["claimName"]) not in there:
                yield f"{where}: no claim {claim['claimName']}"
        for container in template["spec"]["containers"]:
            for source in container.get("envFrom", ()):
                if ("ConfigMap", source["configMapRef"]["name"]) not in there:
                    yield f"{where}: no ConfigMap {source['configMapRef']['name']}"
    policies = [m["spec"] for m in manifests if m["kind"] == "NetworkPolicy"]
    closed = [p for p in policies if p["podSelector"]["matchLabels"].items() <= labels and len(p["policyTypes"]) == 2]
    if not closed:
        yield "no network policy closes its pods both ways"
