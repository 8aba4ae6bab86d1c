"""The parts of pages in ``docs/`` that a command writes: each between two comments that name the command."""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


def write_part(page: str, name: str, command: str, text: str) -> None:
    """Replace the part ``name`` of ``docs/page`` by ``text``; ``command`` is what writes it. ValueError: the page has no such part."""
    path = DOCS / page
    path.write_text(with_part(path.read_text(encoding="utf-8"), name, command, text), encoding="utf-8")


def with_part(page: str, name: str, command: str, text: str) -> str:
    """A page's text with its part ``name`` replaced by ``text``. ValueError: the page has no such part."""
    before, begin, rest = page.partition(f"<!-- {name}:")
    _, end, after = rest.partition(f"<!-- /{name} -->")
    if not begin or not end:
        raise ValueError(f"the page has no part <!-- {name}: … --> … <!-- /{name} -->")
    return f"{before}<!-- {name}: written by `{command}` -->\n\n{text.strip()}\n\n{end}{after}"
