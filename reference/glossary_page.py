"""The words of our own, with the field's words for them."""

from events.glossary import GLOSSARY
from reference.markdown import page, table

_ABOUT = """
Words that this project uses in a meaning of its own, in code, log lines, settings and pages. Where others have
another word for the same thing, it stands beside.
"""


def text() -> str:
    """The page."""
    rows = [(term.word, term.field, term.sentence) for term in GLOSSARY]
    return page("Glossary", _ABOUT, table(("word", "elsewhere", "what it is"), rows))
