"""Numbers and lists as they stand in a sentence."""

from __future__ import annotations

import pytest

from timus_autotask.watch.wording import some


@pytest.mark.parametrize(
    ("separator", "said"),
    [(", ", "a, b and 2 more"), ("; ", "a; b; and 2 more")],
)
def test_of_a_long_list_the_first_are_named_and_the_others_counted(separator: str, said: str) -> None:
    """So a sentence about forty clients stays a sentence."""
    assert some("abcd", 2, separator) == said


@pytest.mark.parametrize("names", ["", "a", "ab"])
def test_a_short_list_is_named_whole(names: str) -> None:
    """Nothing is said to be left out where nothing is."""
    assert some(names, 2) == ", ".join(names)
