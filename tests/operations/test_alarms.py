"""The alarms load, name only what is measured, fire when they must, and each has a page that says what to do."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.operations import spoken
from worker.measuring.catalogue import METRICS, PREFIX

OPERATIONS = Path(__file__).parents[2] / "docs/operations"
RULES = OPERATIONS / "alerts.yml"
ALERTS = {rule["alert"]: rule for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]}
DASHBOARD = json.loads((OPERATIONS / "dashboard.json").read_text())
PROMTOOL = shutil.which("promtool") or shutil.which("promtool", path=Path(sys.executable).parent)
NAMES = {
    name: set(metric.labels) | ({"le"} if name.endswith("_bucket") else set())
    for metric in METRICS
    for name in (
        [f"{metric.full_name}_{part}" for part in ("bucket", "count", "sum")]
        if metric.kind == "histogram"
        else [metric.full_name]
    )
}
needs_promtool = pytest.mark.skipif(not PROMTOOL, reason="promtool is not installed (.ci/run brings it)")


def promtool(*words):
    done = subprocess.run([PROMTOOL, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def expressions():
    yield from (rule["expr"] for rule in ALERTS.values())
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))


@needs_promtool
def test_prometheus_loads_the_rules():
    promtool("check", "rules", str(RULES))


@needs_promtool
def test_alarms_fire_for_work_that_stands_still_and_keep_quiet_for_work_that_waits():
    promtool("test", "rules", str(Path(__file__).parent / "alarms.yml"))


@needs_promtool
def test_every_expression_is_one_that_prometheus_understands(tmp_path):
    """Promtool names each rule that it does not understand, with its number."""
    rules = [{"record": f"r{number}", "expr": one} for number, one in enumerate(sorted(set(expressions())))]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": rules}]}))
    promtool("check", "rules", str(tmp_path / "rules.yml"))


def test_rules_and_dashboard_name_only_what_is_measured():
    strangers = []
    for expression in set(expressions()):
        named = set(re.findall(rf"{PREFIX}\w+", expression))
        strangers += [(expression, name) for name in named - set(NAMES)]
        strangers += [] if named else [(expression, "names nothing")]
        for name, matchers in re.findall(rf"({PREFIX}\w+)\{{([^}}]*)\}}", expression):
            labels = set(re.findall(r"(\w+)=", matchers)) - NAMES.get(name, set())
            strangers += [(expression, f"{name} has no label {label}") for label in labels]
    assert strangers == []


def test_everything_that_is_measured_is_on_the_dashboard():
    shown = " ".join(target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ()))
    assert not [metric for metric in METRICS if metric.full_name not in shown]


def test_no_alarm_looks_at_the_length_of_the_queue():
    assert not any(name in rule["expr"] for rule in ALERTS.values() for name in ("doorbell", "lanes_due", "turns"))


def test_grafana_reads_the_whole_dashboard():
    """Read into Grafana's own types and written again, nothing is missing: no key is misspelt or misplaced."""
    again = json.loads(JSONEncoder().encode(Dashboard.from_json(DASHBOARD)))
    assert list(lost(DASHBOARD, again)) == []
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def lost(said, kept, place=""):
    if isinstance(said, dict):
        for key, value in said.items():
            if key in kept:
                yield from lost(value, kept[key], f"{place}.{key}")
            elif value not in (None, [], {}, False, ""):
                yield f"{place}.{key}"
    elif isinstance(said, list):
        for number, (one, other) in enumerate(zip(said, kept, strict=True)):
            yield from lost(one, other, f"{place}[{number}]")
    elif said != kept:
        yield place


def test_panels_do_not_lie_on_each_other():
    taken = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alarm_says_when_what_to_look_at_what_to_do_and_how_to_know_it_worked(alert):
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    page = OPERATIONS.parents[1] / rule["annotations"]["runbook"]
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    assert headings == [alert, "What to look at", "What to do", "How to know it worked"]


def test_no_page_is_left_of_an_alarm_that_is_gone():
    assert {page.stem for page in (OPERATIONS / "runbooks").glob("*.md")} == set(ALERTS)


@pytest.mark.parametrize("page", sorted(OPERATIONS.rglob("*.md")), ids=lambda page: page.stem)
def test_commands_and_settings_that_operators_read_of_exist(page):
    for words in spoken.commands(page.read_text()):
        spoken.must_exist(words)
    assert spoken.settings(page.read_text()) <= spoken.KNOWN_SETTINGS
