"""Whether a bookkeeper could have a text read aloud: no placeholder, no code, no jargon, no sentence cut short."""

import re

JARGON = re.compile(
    r"\b(HTTP\S*|JSON|XML|API|GUID|UUID|UTC|URL|null|None|NoneType|True|False|undefined|exception|traceback|payload"
    r"|endpoint|tenant|timeout|string|integer|boolean|tuple|dict|regex|pattern|schema|field required|enum|request id"
    r"|idempotency|retry|status code)\b"
)
SNAKE = re.compile(r"\b\w+_\w+\b")
PATH = re.compile(r"\b[a-z]+\.\d+|\b[a-z]+\.[a-z]+\b")


def wrong_with(text, allowed=()):
    """Everything that a bookkeeper would stumble over, besides names that are the invoice's own."""
    for name in allowed:
        text = text.replace(name, "X")
    found = [match[0] for pattern in (JARGON, SNAKE, PATH) for match in pattern.finditer(text)]
    found += [mark for mark in "{}[]<>" if mark in text]
    found += [mark for mark in ("  ", "..", " ,", " .", "()", "“”", "Invoice the invoice") if mark in text]
    return found


def unlike_speech(answer):
    """What is wrong with the words of a failed answer, wherever a person reads them."""
    told = [answer["notification"]["title"], answer["notification"]["message"], answer["how"], *answer["steps"]]
    told += [problem["message"] for problem in answer["problems"]]
    told += [step for problem in answer["problems"] for step in problem["steps"]]
    said = answer.get("xero_words") or ""
    found = [(text, wrong) for text in told for wrong in wrong_with(text, allowed=(said,) if said else ())]
    found += [(text, "more than 300 characters") for text in told if len(text) > 300]
    found += [(text, "no end") for text in told[1:] if text[-1] not in ".)…"]
    found += [(text, "no beginning") for text in told[1:] if not (text[0].isupper() or text[0] in "“0123456789")]
    return found
