"""What the libraries complain of, in our words: they say in English and in their own terms what a writer has to mend."""

import re

from app.core.errors import Phrase, mark

_SIGNS = {
    "pipe": "|",
    "comma": ",",
    "colon": ":",
    "dot": ".",
    "rparen": ")",
    "lparen": "(",
    "rbracket": "]",
    "lbracket": "[",
}
# The library's sentence, and ours; the first that fits counts.
_LIQUID = tuple((re.compile(theirs), ours) for theirs, ours in (
    (r"expected tag (?P<name>\w+), found", mark("the tag “%(name)s” is missing")),
    (r"unexpected tag '(?P<name>[^']*)'", mark("the tag “%(name)s” is not known, or has no place here")),
    (r"missing expression", mark("a tag is empty that must name something")),
    (r"(?:missing or unexpected|missing) path segment", mark("a name is not complete")),
    (r"expected .*, found (?:end of expression|end of file|eof)", mark("something is missing at the end")),
    (r"expected .*, found word", mark("two words stand side by side, and nothing between them says what they mean")),
    (r"(?:unexpected|expected .*, found) ['\"]?(?P<name>[^'\"]+|['\"])['\"]?$", mark("“%(name)s” stands where it may not")),
    (r"unknown filter '(?P<name>[^']*)'", mark("there is no filter “%(name)s”")),
))  # fmt: skip
_XML = {
    "mismatched tag": mark("a tag is closed that is not open, or another one first"),
    "no element found": mark("a tag is not closed"),
    "unclosed token": mark("a tag is not closed"),
    "not well-formed (invalid token)": mark("a sign stands where it may not; write &lt; for <"),
    "junk after document element": mark("something stands behind the end"),
    "duplicate attribute": mark("an attribute stands twice in a tag"),
}


def of_liquid(said: str) -> Phrase | str:
    """What the Liquid library says, or its own sentence where we have none."""
    for theirs, ours in _LIQUID:
        if found := theirs.match(said):
            named = found.groupdict()
            return Phrase(ours, {"name": _SIGNS.get(named["name"], named["name"])} if named else None)
    return said


def of_mjml(said: str) -> Phrase:
    """What an XML parser or mrml says of a letter."""
    return Phrase(mark("the MJML does not parse: %(reason)s"), {"reason": Phrase(_XML[said]) if said in _XML else said})
