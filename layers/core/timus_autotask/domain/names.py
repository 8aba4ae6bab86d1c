"""Whether two names may be those of one company: capitals, accents, punctuation and legal forms aside."""

from __future__ import annotations

import re
import unicodedata

_FORMS = """
ab ag aps as asa bhd bv bvba co company corp corporation cv doo eg eirl ek ev gbr gesmbh ggmbh gmbh inc incorporated kft kg kgaa kk
lda limited llc llp lp ltd ltda mbh nv ohg oo oy oyj plc pllc pte pty sa sarl sas se sl slu sp spa srl sro ug z
"""
LEGAL_FORMS = frozenset(_FORMS.split())
"""Words that say how a company is constituted, in small letters, and not which one it is."""
SPELLED = {
    "ß": "ss",
    "æ": "ae",
    "ø": "o",
    "œ": "oe",
    "ł": "l",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "\u0131": "i",
    "&": " and ",
}
"""Letters that have no accent to take off."""
_UMLAUTS = {"ä": "ae", "ö": "oe", "ü": "ue"}


def same_company(one: str, other: str) -> bool:
    """True if the names differ in nothing but how they are written. An empty name is nobody's."""
    return bool(forms(one) & forms(other))


def domain_of(address: str) -> str:
    """The domain of a web address as people type it, in small letters and without ``www``; ``""`` for what has none."""
    bare = re.sub(r"^[a-z][a-z0-9+.-]*://", "", address.strip().casefold())
    host = re.split(r"[/?#:\s]", bare.rpartition("@")[2], maxsplit=1)[0].strip(".").removeprefix("www.")
    return host if "." in host else ""


def forms(name: str) -> set[tuple[str, ...]]:
    """The words that tell a company, as they may be spelled; nothing for a name without any."""
    lower = unicodedata.normalize("NFC", name).casefold()
    found = {_words(lower), _words("".join(_UMLAUTS.get(each, each) for each in lower))}
    return {words for words in found if words}


def _words(lower: str) -> tuple[str, ...]:
    spelled = "".join(SPELLED.get(each, each) for each in lower)
    plain = "".join(
        each for each in unicodedata.normalize("NFKD", spelled) if not unicodedata.combining(each)
    )
    # "S.p.A." and "B.V." are one word each; elsewhere punctuation parts words, or joins them, as in "O'Neill".
    joined = re.sub(r"(?<=\b\w)\.(?=\w\b)", "", plain)
    words = re.findall(r"\w+", re.sub(r"['’`]", "", joined))
    telling = tuple(word for word in words if word not in LEGAL_FORMS and word != "and")
    return telling or tuple(words)
