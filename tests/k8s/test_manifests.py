"""The manifests of a sweep are valid by KubeRay's own definition, safe by ours, and whole."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.k8s.checks import RULES, problems
from tests.k8s.crd_schema import SCHEMA
from tests.k8s.kustomize import Manifest, built

_ROOT = Path(__file__).resolve().parents[2]
_OVERLAYS = sorted(path.name for path in (_ROOT / "k8s" / "overlays").iterdir())

_Change = Callable[[list[Manifest]], object]


def _made(name: str) -> list[Manifest]:
    return built(_ROOT / "k8s" / "overlays" / name)


def _job(manifests: list[Manifest]) -> Any:
    return next(manifest for manifest in manifests if manifest["kind"] == "RayJob")["spec"]


def _head(manifests: list[Manifest]) -> Any:
    return _job(manifests)["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]


def _lanes(manifests: list[Manifest]) -> Any:
    return _job(manifests)["rayClusterSpec"]["workerGroupSpecs"][0]


def _of(manifests: list[Manifest], kind: str) -> Any:
    return next(manifest for manifest in manifests if manifest["kind"] == kind)


_CHANGES: dict[str, _Change] = {
    "an unknown key of the job": lambda m: _job(m).update(retries=3),
    "an unknown key of a container": lambda m: _head(m)["containers"][0].update(resource={}),
    "an unknown key of a worker group": lambda m: _lanes(m).update(count=2),
    "a text for a number": lambda m: _job(m).update(backoffLimit="two"),
    "a number for a text": lambda m: _job(m)["rayClusterSpec"].update(rayVersion=2.6),
    "a number among the parameters of ray start": lambda m: _lanes(m)["rayStartParams"].update({"num-cpus": 2}),
    "no name of a worker group": lambda m: _lanes(m).pop("groupName"),
    "a policy that is not known": lambda m: _job(m)["deletionStrategy"]["deletionRules"][0].update(policy="Keep"),
    "two statuses": lambda m: _job(m)["deletionStrategy"]["deletionRules"][0]["condition"].update(
        jobDeploymentStatus="Failed"
    ),
    "no status": lambda m: _job(m)["deletionStrategy"]["deletionRules"][0]["condition"].pop("jobStatus"),
    "rules of deletion of both kinds": lambda m: _job(m)["deletionStrategy"].update(
        onSuccess={"policy": "DeleteSelf"}, onFailure={"policy": "DeleteSelf"}
    ),
    "no rule of deletion": lambda m: _job(m).update(deletionStrategy={}),
    "a cluster deleted before its workers": lambda m: _job(m)["deletionStrategy"]["deletionRules"][2][
        "condition"
    ].update(ttlSeconds=9_999),
    "another manager": lambda m: _job(m).update(managedBy="someone"),
    "deletion told twice": lambda m: _job(m).update(shutdownAfterJobFinishes=True),
    "another Ray": lambda m: _job(m)["rayClusterSpec"].update(rayVersion="2.59.0"),
    "another image": lambda m: _head(m)["containers"][0].update(image="hedgefield:latest"),
    "no token": lambda m: _job(m)["rayClusterSpec"].pop("authOptions"),
    "lanes on the head": lambda m: _job(m)["rayClusterSpec"]["headGroupSpec"].update(rayStartParams={}),
    "no resources": lambda m: _lanes(m)["template"]["spec"]["containers"][0].pop("resources"),
    "requests below limits": lambda m: _head(m)["containers"][0]["resources"]["requests"].update(memory="1Gi"),
    "root": lambda m: _head(m)["securityContext"].pop("runAsNonRoot"),
    "capabilities": lambda m: _head(m)["containers"][0]["securityContext"].pop("capabilities"),
    "a submitter without a context": lambda m: _job(m)["submitterPodTemplate"]["spec"]["containers"][0].pop(
        "securityContext"
    ),
    "a mounted token": lambda m: _head(m).pop("automountServiceAccountToken"),
    "a secret in clear": lambda m: (
        _head(m)["containers"][0]
        .setdefault("env", [])
        .append({"name": "URL", "value": "postgresql://user:word@host/db"})  # pragma: allowlist secret
    ),
    "a mount without a volume": lambda m: _head(m)["volumes"].pop(),
    "a claim that is not there": lambda m: m.remove(_of(m, "PersistentVolumeClaim")),
    "a configuration that is not there": lambda m: m.remove(_of(m, "ConfigMap")),
    "no network policy": lambda m: m.remove(_of(m, "NetworkPolicy")),
    "an open network policy": lambda m: _of(m, "NetworkPolicy")["spec"]["ingress"].append({}),
    "an unknown key of the network policy": lambda m: _of(m, "NetworkPolicy")["spec"]["ingress"][0].update(port=1),
    "an unknown key of the claim": lambda m: _of(m, "PersistentVolumeClaim")["spec"].update(size="1Gi"),
    "pods that the policy does not find": lambda m: _lanes(m)["template"]["metadata"].update(labels={}),
    "a module that is not ours": lambda m: _job(m).update(
        entrypoint="env -C /var/lib/hedgefield python -m tuning.swep /etc/hedgefield/sweep.toml --resume"
    ),
    "another try from the start": lambda m: _job(m).update(
        entrypoint="env -C /var/lib/hedgefield python -m tuning.sweep /etc/hedgefield/sweep.toml"
    ),
    "reports into the image": lambda m: _job(m).update(
        entrypoint="env -C /home/hedgefield python -m tuning.sweep /etc/hedgefield/sweep.toml --resume"
    ),
    "data that are not mounted": lambda m: _job(m).update(
        entrypoint="env -C /var/lib/hedgefield python -m tuning.sweep /etc/hedgefield/sweep.toml --resume --data /d"
    ),
    "a configuration that is not mounted": lambda m: _job(m).update(
        entrypoint="env -C /var/lib/hedgefield python -m tuning.sweep /etc/sweep.toml --resume"
    ),
    "more workers than the most": lambda m: _lanes(m).update(replicas=50),
    "a kind that is not known": lambda m: m.append({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}}),
    "a part beside the spec": lambda m: _of(m, "RayJob").update(status={}),
}


@pytest.mark.parametrize("overlay", _OVERLAYS)
def test_an_overlay_is_valid_and_whole(overlay: str) -> None:
    """What kustomize would make of an overlay breaks no rule, and everything that it refers to is there."""
    assert problems(_made(overlay)) == []


@pytest.mark.parametrize("change", _CHANGES)
@pytest.mark.parametrize("overlay", _OVERLAYS)
def test_a_broken_manifest_is_found(overlay: str, change: str) -> None:
    """Each way to break a manifest is told, so that the checks above can fail."""
    broken = deepcopy(_made(overlay))
    _CHANGES[change](broken)
    assert problems(broken)


def test_every_rule_of_the_definition_is_checked() -> None:
    """A rule that a later KubeRay adds is not missed: each has its function, and none is left over."""
    told = re.findall(r'"x-rules":(\[.*?[^\\]"\])', SCHEMA.read_text(encoding="utf-8"))
    assert {rule for rules in told for rule in json.loads(rules)} == set(RULES)


def test_the_schema_stays_small() -> None:
    """The part of the definition that is kept is below 20 kB, and says where it comes from."""
    text = SCHEMA.read_text(encoding="utf-8")
    assert len(text) < 20_000
    assert "KubeRay v" in json.loads(text)["$comment"]


def test_a_secret_comes_by_reference_alone() -> None:
    """The address of the database, which has a password in it, is a reference to a key of a secret."""
    told = _head(_made("recorded"))["containers"][0]["env"]
    assert [set(entry["valueFrom"]["secretKeyRef"]) for entry in told] == [{"name", "key"}] * len(told)


def test_the_image_holds_every_package_and_the_locked_versions() -> None:
    """The file of the image copies what the wheel lists, and installs it with the constraints."""
    text = (_ROOT / "k8s" / "image" / "Containerfile").read_text(encoding="utf-8")
    wheel = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]
    copied = set(re.findall(r"^COPY (\w+) /src/\w+$", text, re.MULTILINE))
    assert copied == set(wheel["wheel"]["packages"])
    assert "--constraint /tmp/constraints.txt" in text
    assert "torch" not in text


def test_the_folder_of_manifests_holds_no_python() -> None:
    """What runs on a cluster is the wheel; beside it there are only manifests."""
    assert not list((_ROOT / "k8s").rglob("*.py"))
