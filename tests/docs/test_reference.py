"""What the documents say of the program is what the program says of itself."""
import re

import pytest

from support.fetch import ROOT
from support.rowferry import cli

DOCS = ROOT / "docs"
SOURCES = [p for folder in ("cdc", "schema", "sinks") for p in (ROOT / folder).rglob("*.[ch]")]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md",
             ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]


def error_codes():
    """Every E_ code that the C sources have as a text."""
    return {code for path in SOURCES for code in re.findall(r'"(E_[A-Z_]+)"', path.read_text())}


def sections(path):
    return re.findall(r"^#+ +`?(E_[A-Z_]+)`?", path.read_text(), re.M)


def test_every_error_code_has_its_section():
    described = sections(DOCS / "errors.md")
    assert len(described) == len(set(described)), "a code has two sections"
    assert error_codes() - set(described) == set(), "codes without a section in docs/errors.md"
    assert set(described) - error_codes() == set(), "sections of codes that are not in the sources"


def test_codes_named_elsewhere_exist():
    for path in DOCUMENTS:
        named = set(re.findall(r"\bE_[A-Z_]+[A-Z]\b", path.read_text()))
        assert named <= error_codes(), f"{path.name} names {sorted(named - error_codes())}"


def test_the_configuration_reference_is_up_to_date():
    said = cli("help", "config", "--markdown")
    assert said.returncode == 0, said.stderr
    assert (DOCS / "configuration-reference.md").read_text() == said.stdout, \
        "run `make docs`: rowferry help config --markdown says something else"


def test_every_command_is_in_operations():
    said = cli("help", "--json")
    text = (DOCS / "operations.md").read_text()
    for name in re.findall(r'"name":"(\w+)"', said.stdout):
        assert f"`{name}" in text or f"rowferry {name}" in text, name


def anchor(heading):
    """As GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(path):
    return {anchor(h) for h in re.findall(r"^#+ +(.+)$", path.read_text(), re.M)}


@pytest.mark.parametrize("path", DOCUMENTS, ids=[p.name for p in DOCUMENTS])
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if target.startswith(("http:", "https:", "mailto:")):
            continue
        name, _, part = target.partition("#")
        other = (path.parent / name).resolve() if name else path
        assert other.exists(), f"{path.name}: {target}"
        if part:
            assert part in anchors(other), f"{path.name}: {target}"
