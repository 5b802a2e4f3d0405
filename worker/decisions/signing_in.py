"""How many wrong passwords are borne, and what a password has to be."""

from collections.abc import Mapping

WINDOW_SECONDS = 900
MOST_FROM_ONE_PLACE = 5  # for one user from one address: a person who mistypes
MOST_FROM_ADDRESS = 50  # for all users from one address: an office
SHORTEST = 12
LONGEST = 200


def whose(user: str, address: str) -> tuple[str, str]:
    """On whose account a wrong password goes: the user at this address, and the address.

    Never the user alone: else anybody could lock somebody out from afar.
    """
    return f"{user} at {address}", f"address {address}"


def too_many(counted: Mapping[str, int], user: str, address: str) -> bool:
    """Whether no further password is looked at for now; `counted` are wrong ones within `WINDOW_SECONDS`."""
    place, everyone = whose(user, address)
    return counted.get(place, 0) >= MOST_FROM_ONE_PLACE or counted.get(everyone, 0) >= MOST_FROM_ADDRESS


def objection(password: str, again: str, user: str) -> str:
    """What is wrong with a new password, in a sentence; empty: nothing."""
    if password != again:
        return "The two passwords are not the same."
    if len(password) < SHORTEST:
        return f"A password needs at least {SHORTEST} characters; a few words in a row are easy to remember."
    if len(password) > LONGEST:
        return f"A password has at most {LONGEST} characters."
    if user.casefold() in password.casefold() or len(set(password)) < SHORTEST // 2:
        return "This password is too easy to guess: leave out your name, and do not repeat a few letters."
    return ""
