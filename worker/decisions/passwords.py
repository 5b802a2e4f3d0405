"""What a password has to be: long, hard to guess, not made of what everybody knows about its owner."""

import re
from collections.abc import Sequence

from zxcvbn import zxcvbn

SHORTEST = 12
LONGEST = 200
ENOUGH_GUESSES = (
    10  # powers of ten, as zxcvbn estimates them: out of reach for who has a stolen database (its score 4)
)
_JUDGED = 72  # characters that are looked at; what is beyond makes no password worse
_OURS = ("crewcard", "xero", "console", "invoice", "exporter", "bookkeeper")
_OWN_LETTERS = 8  # so many letters and digits have to be left without the words that everybody tries first
_LETTERS = str.maketrans("0134578@$!|+", "oieastbasiit")
_EASY = "This password is too easy to guess"


def objection(password: str, again: str, about: Sequence[str]) -> str:
    """What is wrong with a new password, in a sentence; empty: nothing. `about`: its owner's id and name."""
    if password != again:
        return "The two passwords are not the same."
    if len(password) < SHORTEST:
        return f"A password needs at least {SHORTEST} characters; a few words in a row are easy to remember."
    if len(password) > LONGEST:
        return f"A password has at most {LONGEST} characters."
    return _easy(password, about)


def _easy(password: str, about: Sequence[str]) -> str:
    """Why it is easy to guess; empty: it is not."""
    if password.isdigit():
        return f"{_EASY}: it is a number. A few words in a row are better."
    known = [*_OURS, *_words(about)]
    if _is_about(password, known):
        return f"{_EASY}: leave out your name, and what this is the console of."
    if float(zxcvbn(password[:_JUDGED], user_inputs=known)["guesses_log10"]) < ENOUGH_GUESSES:
        return (
            f"{_EASY}: it is a common one, perhaps with a year or signs added. Take four words without a connection."
        )
    return ""


def variants(password: str) -> Sequence[str]:
    """The password as lists of stolen ones may have it: without what is commonly put before or after a word."""
    bare = password.strip("0123456789!?.,-_#*+$@& ")
    plain = [
        one.casefold() for one in (password, password.rstrip("0123456789!?.,-_#*+$@& "), bare) if len(one) >= SHORTEST
    ]
    return sorted({*plain, *(one.translate(_LETTERS) for one in plain)})


def _words(about: Sequence[str]) -> list[str]:
    """The words of names and ids that are long enough to be recognised in a password."""
    found = {word for one in about for word in re.split(r"[^\w]+|_", one.casefold()) if len(word) >= 3}
    return sorted({*found, *(one.casefold() for one in about if len(one) >= 3)}, key=len, reverse=True)


def _is_about(password: str, known: Sequence[str]) -> bool:
    """Whether little is left once the known words are taken out, however they are spelt."""
    folded = password.casefold()
    spelt = folded.translate(_LETTERS)
    if not any(word in folded or word.translate(_LETTERS) in spelt for word in known):
        return False
    for word in known:
        spelt = spelt.replace(word.translate(_LETTERS), " ")
    left = re.sub(r"[\W_]", "", spelt)
    return len(left) < _OWN_LETTERS or len(set(left)) < _OWN_LETTERS // 2
