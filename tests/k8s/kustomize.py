"""What ``kustomize build`` makes of our folders, as far as they use it; anything else is an error here."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

__all__ = ["Manifest", "built"]

Manifest = dict[str, Any]

_KNOWN = {"apiVersion", "kind", "resources", "configMapGenerator", "generatorOptions", "patches"}


def built(folder: Path) -> list[Manifest]:
    """Return the manifests of a folder with a kustomization, those of its bases first.

    Raises
    ------
    ValueError
        It uses what is not known here, names a file that is missing or above it, makes a name twice, or patches what is
        not there.
    """
    told = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    if set(told) - _KNOWN or told.get("kind") != "Kustomization":
        raise ValueError(f"{folder.name}: {sorted(set(told) - _KNOWN)} is not known")
    made = [manifest for name in told.get("resources", ()) for manifest in _resource(folder, name)]
    hashed = not told.get("generatorOptions", {}).get("disableNameSuffixHash", False)
    made += [_config_map(folder, entry, hashed=hashed) for entry in told.get("configMapGenerator", ())]
    names = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in made]
    if len(set(names)) != len(names):
        raise ValueError(f"{folder.name}: a name is made twice: {names}")
    for patch in told.get("patches", ()):
        made = _patched(made, patch["target"], yaml.safe_load(_beside(folder, patch["path"]).read_text("utf-8")))
    return made


def _beside(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file() or folder.resolve() not in path.resolve().parents:
        raise ValueError(f"{folder.name}: {name} is no file of this folder")
    return path


def _resource(folder: Path, name: str) -> list[Manifest]:
    if (folder / name).is_dir():
        return built(folder / name)
    return [manifest for manifest in yaml.safe_load_all(_beside(folder, name).read_text("utf-8")) if manifest]


def _config_map(folder: Path, entry: dict[str, Any], *, hashed: bool) -> Manifest:
    if hashed or set(entry) - {"name", "files", "envs"}:
        raise ValueError(f"{folder.name}: a ConfigMap whose name is hashed, or {sorted(entry)}")
    data = {name: _beside(folder, name).read_text("utf-8") for name in entry.get("files", ())}
    for name in entry.get("envs", ()):
        lines = _beside(folder, name).read_text("utf-8").split()
        data |= {line.partition("=")[0]: line.partition("=")[2] for line in lines}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": entry["name"]}, "data": data}


def _patched(made: list[Manifest], target: dict[str, str], steps: list[dict[str, Any]]) -> list[Manifest]:
    found = [m for m in made if (m["kind"], m["metadata"]["name"]) == (target["kind"], target["name"])]
    if len(found) != 1:
        raise ValueError(f"a patch finds {len(found)} of {target}")
    changed = deepcopy(found[0])
    for step in steps:
        _apply(changed, step["op"], step["path"].strip("/").split("/"), step.get("value"))
    return [changed if manifest is found[0] else manifest for manifest in made]


def _apply(manifest: Any, verb: str, path: list[str], value: Any) -> None:
    """Do one step of RFC 6902; a place that a step replaces must stand, as the standard says."""
    for name in path[:-1]:
        manifest = manifest[int(name) if isinstance(manifest, list) else name]
    last: Any = path[-1]
    if isinstance(manifest, list) and verb == "add" and last == "-":
        manifest.append(value)
        return
    last = int(last) if isinstance(manifest, list) else last
    if verb == "replace" and (last >= len(manifest) if isinstance(manifest, list) else last not in manifest):
        raise ValueError(f"nothing stands at {path}")
    if verb not in {"add", "replace"} or (verb == "add" and isinstance(manifest, list)):
        raise ValueError(f"{verb} at {path} is not known")
    manifest[last] = value
