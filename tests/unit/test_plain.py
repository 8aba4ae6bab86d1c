"""Nothing that comes from outside is obeyed by a terminal, and nothing of it is lost."""

from __future__ import annotations

import json
import logging
import sys
import unicodedata
from io import StringIO

import pytest
from aws_lambda_powertools import Logger
from hypothesis import given
from hypothesis import strategies as st

from timus_autotask.plain import as_json, as_log_line, escaped, unescaped, visible

OBEYED = [
    character
    for character in map(chr, range(sys.maxunicode + 1))
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") and character not in "\u200c\u200d"
]
"""Every character that a terminal may act on or that changes how others are shown: C0, DEL, C1, direction marks, line breaks."""
NAMED = "\x00\x07\x08\t\n\r\x1b\x7f\x80\x9b\x9d\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069\ud800\U000e0041"


def test_the_list_has_what_is_known_to_do_harm() -> None:
    """The characters of known attacks are among those that are tried."""
    assert set(NAMED) <= set(OBEYED)


def test_a_line_shows_every_character_that_would_be_obeyed() -> None:
    """Each becomes its escape, in plain ASCII, and no two of them look the same."""
    shown = [visible(f"a{character}b") for character in OBEYED]
    assert all(text.isascii() and text.isprintable() for text in shown)
    assert len(set(shown)) == len(OBEYED)
    assert visible("\x1b]0;At rest.\x07") == r"\u001b]0;At rest.\u0007"


TEXTS = st.text() | st.lists(
    st.sampled_from([*NAMED, "\\", "u", "U", "005c", "202e", "000", "0010ffff", "\\u005c", "\\U0000202e"])
).map("".join)
"""Any, and those that have much of what is escaped, or look as if they were."""


@given(TEXTS)
def test_what_is_escaped_for_a_file_reads_back_to_the_character(text: str) -> None:
    """Also what looked like an escape before; and nothing of it is obeyed."""
    assert not {*OBEYED} & {*escaped(text)}
    assert unescaped(escaped(text)) == text


def test_what_is_no_character_is_no_escape() -> None:
    """A backslash in a text of somebody stays what it is."""
    assert unescaped(r"C:\users\U00110000 \u12") == r"C:\users\U00110000 \u12"


@pytest.mark.parametrize("indent", [None, 2])
def test_json_shows_every_character_and_reads_back(indent: int | None) -> None:
    """In values and in names of fields alike."""
    record = {f"name{character}": [character * 2] for character in OBEYED}
    text = as_json(record, indent)
    assert all(line.isprintable() for line in text.split("\n"))
    assert json.loads(text) == record


@given(st.text())
def test_what_can_be_read_stays_as_it_is(text: str) -> None:
    """Letters of every script, signs and spaces are shown as they are, and the JSON of any text reads back."""
    kept = "".join(character for character in text if character not in OBEYED)
    assert visible(kept) == kept
    assert json.loads(as_json([text])) == [text]


def test_a_log_line_shows_every_character() -> None:
    """One line for each record, whatever stands in it."""
    stream = StringIO()
    logger = Logger(service="test", json_serializer=as_log_line, logger_handler=logging.StreamHandler(stream))
    logger.info("event-noted", extra={"event_type": " ".join(OBEYED)})
    [line] = stream.getvalue().splitlines()
    assert line.isprintable()
    assert json.loads(line)["event_type"] == " ".join(OBEYED)


def test_what_has_no_json_form_is_an_error() -> None:
    """But in a log, where it is better said somehow than not at all."""
    with pytest.raises(TypeError, match="object has no JSON form"):
        as_json(object())
    assert as_log_line({1: object}).startswith('{"1": "<class')
