"""Codes of an authenticator app (TOTP, RFC 6238: SHA-1, six digits, 30 seconds) and codes for recovery."""

import secrets

import pyotp

STEP_SECONDS = 30
SKEW_STEPS = 1  # a phone's clock may be so many steps off, either way
RECOVERY_CODES = 10
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that are mistaken for another
_GROUPS, _GROUP = 4, 4  # about 79 bits, so that a plain fingerprint of it can be kept


def new_secret() -> str:
    """A secret for an authenticator app: 160 bits, as base32."""
    return pyotp.random_base32()


def address_of(secret: str, user: str, issuer: str) -> str:
    """The otpauth:// address that an app reads from the picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=user, issuer_name=issuer)


def step_of(secret: str, code: str, now: float, used: int | None) -> int | None:
    """Which step's code this is: None when it is wrong, too old, or not later than the last one `used`."""
    typed = "".join(code.split())
    if not (typed.isascii() and typed.isdigit()):
        return None
    totp, present = pyotp.TOTP(secret), int(now) // STEP_SECONDS
    for step in range(present - SKEW_STEPS, present + SKEW_STEPS + 1):
        if secrets.compare_digest(totp.generate_otp(step), typed) and (used is None or step > used):
            return step
    return None


def new_recovery_codes() -> list[str]:
    """Ten codes, in groups that can be copied by hand."""

    def code() -> str:
        return "-".join("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))

    return [code() for _ in range(RECOVERY_CODES)]


def as_recovery_code(typed: str) -> str:
    """What was typed, as a recovery code is written; empty when it cannot be one."""
    plain = "".join(one for one in typed.casefold() if one in _LETTERS)
    if len(plain) != _GROUPS * _GROUP or len(typed) > 2 * len(plain):
        return ""
    return "-".join(plain[start : start + _GROUP] for start in range(0, len(plain), _GROUP))
