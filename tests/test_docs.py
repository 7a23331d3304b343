"""What the documentation lists against what the code has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import BaseModel

from cluster.settings import Settings
from fields.live.readings import LiveReadings
from fields.snapshot import BookGreeks, FieldSnapshot, Totals
from market.chains import DropReason

_DOCS = Path(__file__).resolve().parents[1] / "docs"


def _settings(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _settings(field.annotation, f"{prefix}{name}.")
        else:
            yield prefix + name


def test_the_settings_guide_lists_every_setting() -> None:
    """A setting that is added without a line in the guide is found."""
    text = (_DOCS / "guides" / "settings.md").read_text(encoding="utf-8")
    assert not [name for name in _settings(Settings) if f"| `{name}` |" not in text]


def test_the_file_guide_explains_every_reason_to_drop_a_contract() -> None:
    """A drop reason that a user can meet is explained."""
    text = (_DOCS / "guides" / "fields-from-a-file.md").read_text(encoding="utf-8")
    assert not [reason.value for reason in DropReason if f"`{reason.value}`" not in text]


def test_the_law_of_units_names_every_exposure() -> None:
    """Each total has its unit and sign in the law of units."""
    text = (_DOCS / "units.md").read_text(encoding="utf-8")
    exposures = (*fields(Totals), *fields(BookGreeks))
    assert not [field.name for field in exposures if f"| `{field.name}` |" not in text]


@pytest.mark.parametrize("message", [FieldSnapshot, LiveReadings])
def test_the_index_of_readings_names_each(message: type[FieldSnapshot | LiveReadings]) -> None:
    """A reading without a line there has no page that says what it stands on."""
    text = (_DOCS / "fields" / "README.md").read_text(encoding="utf-8")
    assert not [field.name for field in fields(message) if f"`{field.name}`" not in text]


def test_every_cited_source_has_its_entry() -> None:
    """A key in brackets that the bibliography does not hold cannot be looked up."""
    entries = set(re.findall(r"^@\w+\{([^,]+),", (_DOCS / "references.bib").read_text(encoding="utf-8"), re.MULTILINE))
    cited: set[str] = set()
    for page in _DOCS.rglob("*.md"):
        for keys in re.findall(r"\[([a-z_0-9]+(?:, [a-z_0-9]+)*)\](?!\()", page.read_text(encoding="utf-8")):
            cited.update(key for key in keys.split(", ") if "_" in key)
    assert cited
    assert not cited - entries


@pytest.mark.parametrize("decision", sorted(p.name for p in (_DOCS / "adr").glob("0*.md")))
def test_the_index_of_decisions_names_each(decision: str) -> None:
    """A decision record that the index does not name is not found by readers."""
    assert f"({decision})" in (_DOCS / "adr" / "README.md").read_text(encoding="utf-8")


def test_every_page_of_the_navigation_exists() -> None:
    """The builder says nothing about a page that the navigation names and nobody wrote."""
    pages = re.findall(r"^\s*- .*: (\S+\.md)$", (_DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert pages
    assert not [page for page in pages if not (_DOCS / page).is_file()]


def test_every_page_stands_in_the_navigation() -> None:
    """A page that the navigation does not name is found by nobody; decisions are named by their index."""
    navigation = (_DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [page.relative_to(_DOCS).as_posix() for page in _DOCS.rglob("*.md")]
    assert not [page for page in pages if f": {page}\n" not in navigation and not page.startswith("adr/0")]


def test_every_heading_stands_alone() -> None:
    """A heading right after a table becomes a row of it, without a warning of the builder."""
    glued = [
        f"{page.name}: {line}"
        for page in _DOCS.rglob("*.md")
        for before, line in pairwise(
            re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL).split("\n")
        )
        if line.startswith("#") and before
    ]
    assert not glued
