"""Every refusal of a whole call, one row each, and the reply it makes (facts §1.2, §6.1, §6.2 #32-#50)."""

import random
from enum import Enum
from typing import Any

from simulator.rows import Row
from simulator.wire import Json, Reply, as_json, as_text, exception, not_found
from simulator.world import new_id


class No(Enum):
    """What Xero says about a whole call."""

    OTHER_REQUEST = Row(
        "facts §6.2 #32, §11.4",
        "an idempotency key comes again with another request",
        "Idempotency Key: {key} is used with a different request.",
    )
    KEY_TOO_LONG = Row(
        "facts §3.1",
        "an idempotency key has more than 128 characters",
        "Idempotency Key is too long.",
        verbatim=False,
    )
    UNREADABLE = Row(
        "facts §6.2 #33, §6.1 C",
        "the body is no JSON, or a value has the wrong type",
        "JSON request body could not be read, Error {problem}",
    )
    INVALID = Row(
        "facts §6.2 #33", "the body is JSON, but not an object with a list", "JSON for post data was invalid"
    )
    NO_DATE = Row(
        "facts §6.2 #53",
        "a date in the body is in no form that Xero reads",
        "JSON for post data was invalid. Could not convert string to DateTime: {value}. Path '{path}'.",
    )
    NOT_RECOGNISED = Row(
        "facts §6.2 #33", "the body is XML with another root", "The element '{name}' was not recognised."
    )
    NO_DATA = Row(
        "facts §6.1 C",
        "there is nothing in the body",
        "No data has been processed for this endpoint. "
        "This endpoint is expecting Invoice data to be specifed in the request body.",
    )
    TOKEN_EXPIRED = Row(
        "facts §6.2 #34, §11.7",
        "the access token is older than 30 minutes",
        "TokenExpired: token expired at {moment}",
    )
    NO_TOKEN = Row(
        "facts §6.2 #35", "the bearer is missing, revoked or not one of Xero's", "AuthenticationUnsuccessful"
    )
    NO_SCOPE = Row("facts §6.2 #36, §11.7", "the token lacks the scope", "AuthorizationUnsuccessful")
    NO_TENANT = Row(
        "facts §6.2 #37, §11.7",
        "the tenant header is missing, wrong, disconnected, or its organisation has expired",
        "AuthenticationUnsuccessful",
    )
    NOT_PERMITTED = Row(
        "facts §6.2 #38", "the user may not write in this organisation", "Not Permitted", verbatim=False
    )
    NOT_FOUND = Row(
        "facts §6.2 #39, §11.5",
        "no such invoice or contact, or a query of more than 2,048 characters",
        "The resource you're looking for cannot be found",
    )
    PRECONDITION = Row("facts §6.2 #40", "If-Modified-Since is no date", "Precondition Failed")
    MINUTE = Row("facts §6.2 #41, §11.6", "61 calls in the minute of an organisation and app", "minute")
    DAY = Row("facts §6.2 #41, §11.6", "5,001 calls in its day; 1,001 on the Starter tier", "day")
    CONCURRENT = Row("facts §6.2 #41, §11.6", "six calls at once", "concurrent")
    APP_MINUTE = Row("facts §6.2 #41, §11.6", "10,001 calls of the app in a minute", "appminute")
    SERVER_ERROR = Row(
        "facts §6.2 #42, §11.5",
        "the faults http_500 and commit_then_500",
        "An error occurred in Xero. Check the API Status page",
    )
    MALFORMED_GUID = Row(
        "facts §6.2 #42, §11.5", "a GUID in the body, a ContactID for one, is malformed", "An error occurred in Xero"
    )
    WRONG_VERB = Row(
        "facts §6.2 #43", "a verb the endpoint does not have", "The Api Method called is not implemented"
    )
    NOT_MODELLED = Row(
        "facts §11.11",
        "a part of Xero that this simulator does not model: history, payments, payroll and the like",
        "The Api Method called is not implemented: this simulator does not model {what}",
        verbatim=False,
    )
    OFFLINE = Row(
        "facts §6.2 #44, §11.5", "the organisation is offline, or the fault offline", "The Organisation is offline"
    )
    MAINTENANCE = Row("facts §6.2 #45", "the fault api_offline", "The Xero API is currently offline for maintenance")
    UNAVAILABLE = Row("facts §6.2 #45", "the fault api_unavailable", "The Xero API is temporarily unavailable")
    EDGE = Row("facts §6.2 #45, §11.5", "the fault html_503", "Service Unavailable")
    GATEWAY = Row("facts §6.2 #45", "the fault gateway_504", "Gateway Timeout", verbatim=False)
    INVALID_GRANT = Row(
        "facts §6.2 #47, §11.7",
        "a refresh token 60 days old, past its 30 minutes of grace, revoked, or of another app",
        "invalid_grant",
    )
    UNAUTHORIZED_CLIENT = Row(
        "facts §6.2 #48", "an unknown client id, or a grant type that is not the app's", "unauthorized_client"
    )
    INVALID_SCOPE = Row("facts §6.2 #48", "broad scopes asked by a granular app", "Invalid scope for client")
    INVALID_CLIENT = Row("facts §6.2 #49", "the secret is wrong", "invalid_client")
    NO_EMAIL = Row(
        "facts §6.2 #50", "an e-mail of a draft", "Invoice not of valid status for emailing", verbatim=False
    )
    QUERY = Row("facts §6.1 C", "a where or order that cannot be read", "{problem}", verbatim=False)
    HIGH_VOLUME = Row(
        "facts §4.1, §6.1 C",
        "more results than 100,000 without paging",
        "The request would return too many results. Use paging or an optimised filter.",
        verbatim=False,
    )
    PAYLOAD_TOO_LARGE = Row("facts §8 (Xero-Java#349)", "an attachment of more than 10 MB", "PayloadTooLarge")
    TOO_LARGE = Row("facts §1.1", "a body of more than 10 MB", "Request Entity Too Large", verbatim=False)

    def __call__(self, **facts: Any) -> str:
        """The text with its places filled."""
        return self.value.text.format(**facts)


# Endpoints that Xero has (SPEC) and this simulator does not.
UNMODELLED = frozenset({
    "banktransactions", "banktransfers", "batchpayments", "budgets", "contactgroups", "employees",
    "expenseclaims", "invoicereminders", "journals", "linkedtransactions", "manualjournals", "overpayments",
    "payments", "paymentservices", "prepayments", "purchaseorders", "quotes", "receipts", "repeatinginvoices",
    "reports", "setup", "users",
})  # fmt: skip
_TITLES = {401: "Unauthorized", 403: "Forbidden", 413: "RequestEntityTooLarge", 500: "An error occurred"}


def problem(status: int, detail: str, dice: random.Random, keys: str, error: str = "") -> Reply:
    """Shape D and E: a problem whose keys come in either case; `error` is the word of WWW-Authenticate."""
    body: Json = {
        "Type": None,
        "Title": _TITLES[status],
        "Status": status,
        "Detail": detail,
        "Instance": new_id(),
        "Extensions": {},
    }
    if keys == "lower" or (keys == "mixed" and dice.random() < 1 / 2):
        body = {
            name.lower(): value for name, value in body.items() if name in ("Title", "Status", "Detail", "Instance")
        }
    return as_json(body, status, {"www-authenticate": f"Bearer error={error}"} if error else None)


def unreadable(text: str) -> Reply:
    """Shape C: the body could not be read."""
    return exception(14, "PostDataInvalidException", text)


def bad_query(text: str) -> Reply:
    """Shape C: the filter could not be read."""
    return exception(16, "QueryParseException", No.QUERY(problem=text))


def not_modelled(what: str) -> Reply:
    """501 for what Xero has and this simulator has not, so that nobody takes it for missing."""
    return exception(20, "ApiMethodNotImplementedException", No.NOT_MODELLED(what=what[:50]), 501)


def nowhere() -> Reply:
    """Shape G."""
    return not_found(No.NOT_FOUND())


def html(text: str, status: int) -> Reply:
    """A page of the edge, not of Xero's API."""
    return as_text(f"<html><body><h1>{text}</h1></body></html>", status, "text/html")
