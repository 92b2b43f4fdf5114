"""What the documents promise is so: commands exist, examples are valid, links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main
import yaml

from squall.cli.main import app
from squall.orchestrator.limit.criteria import for_steps
from squall.targets import TargetFile

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
README = (ROOT / "README.md").read_text()


def commands() -> set[str]:
    group = typer.main.get_command(app)
    return set(getattr(group, "commands", {}))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_in_a_document_exists(page: Path) -> None:
    text = page.read_text()
    blocks = "\n".join(re.findall(r"```\w*\n(.*?)```", text, re.DOTALL))
    shown = re.findall(r"^(?:\.venv/bin/)?squall ([a-z]+)", blocks, re.MULTILINE)
    shown += re.findall(r"`squall ([a-z]+)", text)
    assert set(shown) <= commands()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    missing = [
        link
        for link in links
        if not link.startswith(("http://", "https://")) and not (page.parent / link).exists()
    ]
    assert missing == []


def test_every_page_of_the_documents_is_in_the_contents() -> None:
    contents = (ROOT / "mkdocs.yml").read_text()
    assert [page.name for page in PAGES[2:] if f" {page.name}\n" not in contents] == []


def test_the_target_file_in_the_readme_is_valid() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert TargetFile.model_validate(yaml.safe_load(block)).name == "payments"


def test_the_criteria_in_the_documents_are_criteria() -> None:
    text = README + (ROOT / "docs" / "limit.md").read_text()
    shown = re.findall(r'--criteria "([^"]+)"', text)
    assert len(for_steps(shown).judged) == len(shown) > 0


def test_every_make_target_in_the_documents_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    shown = {word for page in PAGES for word in re.findall(r"`make ([a-z-]+)`", page.read_text())}
    assert {name for name in shown if f"\n{name}:" not in makefile} == set()
