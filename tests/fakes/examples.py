"""How many examples a property tries that does not leave it to the profile."""

from hypothesis import settings

USUAL = 100
"""How many a property has that says nothing."""


def examples(count: int) -> int:
    """So many of a usual run, and in proportion where the profile has fewer, as in a run of mutants."""
    return max(1, count * settings().max_examples // USUAL)
