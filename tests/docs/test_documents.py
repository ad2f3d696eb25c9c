"""Every code block of README.md and docs/ is run, against real servers."""
import pytest

from story import Story
from support.fetch import ROOT

DOCUMENTS = [p for p in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md",
                         *sorted((ROOT / "docs").glob("*.md"))] if p.exists()]


@pytest.mark.parametrize("path", DOCUMENTS, ids=[p.name for p in DOCUMENTS])
def test_its_blocks_run(path, pg15, kafka, registry, server_with):
    story = Story(path, pg15, kafka, registry, server_with)
    try:
        story.run()
    finally:
        story.close()
