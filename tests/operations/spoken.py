"""What pages name: our commands with their options, and settings."""

import re
import shlex

import typer.main

from cli.main import app
from worker.settings import Settings

COMMAND = typer.main.get_command(app)
FOREIGN = {
    "BUILD_ID",  # of an image, baked in
    "PYTHON",
    "DEMO_EXIT",
    "IMAGE",
    "NEW",
    "OLD",
    "TOKEN",
    "COMPANY",
    "INVOICE",
    "GROUP",
    "POSTGRES_PASSWORD",
    "SUPERUSER_PASSWORD",
    "OWNER_PASSWORD",
    "VALKEY_PASSWORD",
    "PASSWORD",
    "NOTED",
    "HEAD",
    "OWNER",
    "OURS",
    "FROM",
    "OTEL_EXPORTER_OTLP_ENDPOINT",  # OpenTelemetry's own
    "OTEL_BLRP_MAX_QUEUE_SIZE",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
    "OTEL_LOGS_EXPORTER",
    "OTEL_METRICS_EXPORTER",
    "OTEL_METRIC_EXPORT_INTERVAL",
    "OTEL_SDK_DISABLED",
    "OTEL_SERVICE_NAME",
    "OTEL_TRACES_EXPORTER",
    "OTEL_TRACES_SAMPLER",
}
KNOWN_SETTINGS = {name.upper() for name in Settings.model_fields} | FOREIGN


def blocks(text, kind=r"\w*"):
    """The code blocks of a page."""
    return re.findall(rf"^ *```{kind}\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)


def commands(text):
    """Every `crewcard-xero …` of a page, as words; in code blocks and between backticks."""
    typed = "\n".join(blocks(text))
    spans = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    for line in [*typed.replace("\\\n", " ").splitlines(), *spans]:
        for said in re.findall(r"(?:^|[\s(\"])crewcard-xero ([a-z][^|;&)#]*)", line):
            yield shlex.split(re.split(r"\s\d?[<>]", said)[0])


def must_exist(words):
    """Walk down to the command and look up each option."""
    at = COMMAND
    rest = list(words)
    while rest and rest[0] in getattr(at, "commands", {}):
        at = at.commands[rest.pop(0)]
    assert at is not COMMAND, f"there is no command {words}"
    implied = getattr(at, "commands", {}).get("list")  # what `failures` alone does
    params = [*at.params, *(implied.params if implied else ())]
    options = {name: one for one in params for name in one.opts if name.startswith("-")}
    if rest and rest[0].isdigit() and "show" in getattr(at, "commands", {}):  # `dead-letters 3`
        params += at.commands["show"].params
    room = sum(1 if one.nargs == 1 else 99 for one in params if one.param_type_name == "argument")
    while rest:
        word, _, value = rest.pop(0).partition("=")
        if not word.startswith("-"):
            room -= 1
            assert room >= 0, f"{words}: “{word}” is one too many"
        elif word not in ("--help", "-h"):
            assert word in options, f"{words}: there is no {word}"
            if not value and not getattr(options[word], "is_flag", False):
                assert rest, f"{words}: {word} needs a value"
                rest.pop(0)


def settings(text):
    """Words in capitals between backticks or at the start of an assignment."""
    return set(re.findall(r"`([A-Z][A-Z_]{3,})(?:=[^`]*)?`", text))
