"""The domain decides in the field's own words: how a vendor writes them is known in that vendor's folder only."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers" / "core" / "timus_autotask"
WIRE_NAME = re.compile(r"[A-Za-z]*[a-z][A-Z][A-Za-z]*")
"""Two words in one; a name of one word (``units``, ``Contracts``) is plain English too."""


def wire_names() -> set[str]:
    """Autotask's names of fields and of kinds of record, as far as no one would write them otherwise."""
    tree = ast.parse((PACKAGE / "autotask" / "entities.py").read_text(encoding="utf-8"))
    texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {text for text in texts if isinstance(text, str) and WIRE_NAME.fullmatch(text)}


def test_the_domain_names_no_field_of_autotask() -> None:
    """Neither in a string nor in a docstring or a comment: if Autotask renames one, nothing there becomes untrue."""
    names = wire_names()
    assert {"renewedContractID", "contractCategory", "ContractServiceAdjustments"} <= names
    said = {
        f"{path.relative_to(PACKAGE)}: {word}"
        for path in (PACKAGE / "domain").rglob("*.py")
        for word in re.findall(r"\w+", path.read_text(encoding="utf-8"))
        if word in names
    }
    assert sorted(said) == [], "say what it means, and name the field in autotask/"


def event_types() -> set[str]:
    """Timus's types of events: there is a sample of each."""
    return {path.stem for path in (ROOT / "events" / "timus").glob("*.json")}


NAMED_ELSEWHERE = {
    # A value in the table is ours: it stays, whatever Timus calls its events.
    "store/history.py": {"subscription.renewed"},
    # An example that can be typed names a file of events/timus/.
    "cli/command.py": {"subscription.updated"},
}
"""Who else may name a type of event, and why."""


def test_only_the_folder_of_timus_names_its_types_of_events() -> None:
    """Neither in a string nor in a docstring or a comment: another schema of Timus is a matter of one folder."""
    types = event_types()
    assert {"subscription.renewed", "webhook.test"} <= types
    said = {
        (str(path.relative_to(PACKAGE)), word)
        for path in PACKAGE.rglob("*.py")
        if path.parent != PACKAGE / "timus"
        for word in re.findall(r"\w+\.\w+", path.read_text(encoding="utf-8"))
        if word in types
    }
    allowed = {(path, word) for path, words in NAMED_ELSEWHERE.items() for word in words}
    assert said == allowed, "say what it means in a field of Snapshot, and name the type in timus/"
