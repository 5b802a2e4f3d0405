"""The manifests for Kubernetes: kustomize builds them, its schemas take them, and they say what the Procfile says."""

import functools
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from tests.operations import spoken
from worker.measuring import catalogue
from worker.settings import Settings

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy/kubernetes"
PROCFILE = dict(re.findall(r"^(\w+): (.+)$", (ROOT / "Procfile").read_text(), re.MULTILINE))
OVERLAYS = ("overlays/small", "overlays/production")
SCHEMAS = ("1.30", "1.37")

pytestmark = pytest.mark.skipif(not shutil.which("kubectl"), reason="no kubectl here to build the manifests with")


@functools.cache
def built(folder: str) -> list[dict]:
    done = subprocess.run(["kubectl", "kustomize", KUBERNETES / folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr
    return list(yaml.safe_load_all(done.stdout))


def of_kind(folder, kind):
    return {one["metadata"]["name"]: one for one in built(folder) if one["kind"] == kind}


def pods(folder):
    """Every pod that is made, by our name of what runs in it."""
    made = [one for one in (*built(folder), *built("migrate")) if one["kind"] in ("Deployment", "Job")]
    return {
        "release" if one["kind"] == "Job" else one["metadata"]["name"].removeprefix("crewcard-xero-"): one["spec"]
        for one in made
    }


def container(pod):
    (only,) = pod["template"]["spec"]["containers"]
    return only


@pytest.mark.parametrize("version", SCHEMAS)
@pytest.mark.parametrize("folder", [*OVERLAYS, "migrate"])
def test_what_kustomize_builds_is_taken_by_the_schemas_of_kubernetes(folder, version):
    """KEDA's own kind is no part of Kubernetes; what it scales and asks for is tested below."""
    for one in built(folder):
        if not one["apiVersion"].startswith("keda.sh/"):
            kubernetes_validate.validate(one, version, strict=True)


@pytest.mark.parametrize("folder", OVERLAYS)
def test_the_pods_run_the_commands_of_the_procfile_from_one_image(folder):
    assert {kind: container(pod)["command"] for kind, pod in pods(folder).items()} == {
        kind: shlex.split(command) for kind, command in PROCFILE.items()
    }
    (version,) = re.findall(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert {container(pod)["image"].rpartition(":")[2] for pod in pods(folder).values()} == {version}


@pytest.mark.parametrize("folder", OVERLAYS)
def test_no_pod_runs_as_root_writes_to_its_image_or_talks_to_the_cluster(folder):
    for pod in pods(folder).values():
        spec, only = pod["template"]["spec"], container(pod)["securityContext"]
        assert (spec["securityContext"]["runAsNonRoot"], spec["securityContext"]["runAsUser"]) == (True, 10001)
        assert spec["automountServiceAccountToken"] is False
        assert (only["readOnlyRootFilesystem"], only["allowPrivilegeEscalation"]) == (True, False)
        assert only["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("folder", OVERLAYS)
def test_secrets_are_files_and_each_pod_gets_those_it_needs(folder):
    for kind, pod in pods(folder).items():
        (secret,) = [one["secret"] for one in pod["template"]["spec"]["volumes"] if "secret" in one]
        given = {item["key"] for item in secret["items"]}
        assert all(item["key"] == item["path"] for item in secret["items"])
        assert {"encryption_keys", "database_url", "redis_url"} <= given <= set(Settings.model_fields)
        assert ("migration_database_url" in given) == (kind == "release")
        assert ("oidc_client_secret" in given) == (kind == "web")
        assert "env" not in container(pod)
        (mount,) = [one for one in container(pod)["volumeMounts"] if one["name"] == "credentials"]
        assert mount["mountPath"] == of_kind(folder, "ConfigMap")["crewcard-xero"]["data"]["CREDENTIALS_DIRECTORY"]


@pytest.mark.parametrize("folder", OVERLAYS)
def test_every_name_of_the_config_map_is_a_setting(folder):
    (settings,) = of_kind(folder, "ConfigMap").values()
    assert set(settings["data"]) - {"CREDENTIALS_DIRECTORY"} <= spoken.KNOWN_SETTINGS - spoken.FOREIGN


@pytest.mark.parametrize("folder", OVERLAYS)
def test_web_is_asked_whether_it_lives_and_whether_it_is_ready_by_different_addresses(folder):
    probes = container(pods(folder)["web"])
    asked = {name: probes[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert asked == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    assert probes["readinessProbe"]["timeoutSeconds"] > 1, "a try of the parts takes up to a second"


@pytest.mark.parametrize("folder", OVERLAYS)
def test_what_is_stopped_has_the_time_to_finish(folder):
    made = pods(folder)
    grace = {kind: pod["template"]["spec"].get("terminationGracePeriodSeconds", 0) for kind, pod in made.items()}
    words = container(made["worker"])["command"]
    assert grace["worker"] > int(words[words.index("--worker-shutdown-timeout") + 1]) / 1000
    (settings,) = of_kind(folder, "ConfigMap").values()
    drain, probe = int(settings["data"]["DRAIN_SECONDS"]), container(made["web"])["readinessProbe"]
    assert grace["web"] >= drain + 15
    if made["web"].get("replicas", 2) > 1:
        assert drain > probe["periodSeconds"] * probe["failureThreshold"], "it is taken out before it closes"


@pytest.mark.parametrize("folder", OVERLAYS)
def test_a_drain_of_nodes_and_a_rolling_update_leave_somebody_at_work(folder):
    guarded = {
        one["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"]: one["spec"]
        for one in of_kind(folder, "PodDisruptionBudget").values()
    }
    assert set(guarded) == {"web", "worker", "clock"}
    for kind, pod in pods(folder).items():
        if kind != "release":
            assert pod["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
            labels = pod["template"]["metadata"]["labels"]
            assert guarded[kind]["selector"]["matchLabels"].items() <= labels.items()
            assert pod["selector"]["matchLabels"].items() <= labels.items()


@pytest.mark.parametrize("folder", OVERLAYS)
def test_the_walls_between_pods_let_through_what_is_needed_and_no_more(folder):
    walls = of_kind(folder, "NetworkPolicy")
    out = walls["crewcard-xero"]["spec"]
    assert {port["port"] for rule in out["egress"] for port in rule["ports"]} == {53, 5432, 6379, 443}
    assert "ingress" not in out, "nobody comes in but by what follows"
    for pod in pods(folder).values():
        assert out["podSelector"]["matchLabels"].items() <= pod["template"]["metadata"]["labels"].items()
    door = walls["crewcard-xero-web"]["spec"]
    (rule,) = door["ingress"]
    assert rule["ports"] == [{"port": 8700}]
    assert container(pods(folder)["web"])["ports"] == [{"name": "http", "containerPort": 8700}]


def test_scaling_names_what_there_is_and_leaves_the_number_to_whom_it_scales():
    names = {one.full_name for one in vars(catalogue).values() if isinstance(one, catalogue.Metric)}
    scaled = of_kind("overlays/production", "ScaledObject")["crewcard-xero-worker"]["spec"]
    deployments = of_kind("overlays/production", "Deployment")
    assert "replicas" not in deployments[scaled["scaleTargetRef"]["name"]]["spec"]
    asked = [trigger["metadata"]["query"] for trigger in scaled["triggers"]]
    assert [re.fullmatch(r"max\((\w+)\)", query)[1] in names for query in asked] == [True, True]
    by_processor = of_kind("overlays/production", "HorizontalPodAutoscaler")["crewcard-xero-web"]["spec"]
    assert "replicas" not in deployments[by_processor["scaleTargetRef"]["name"]]["spec"]


def test_one_web_alone_does_not_wait_for_others_to_take_over():
    (settings,) = of_kind("overlays/small", "ConfigMap").values()
    assert of_kind("overlays/small", "Deployment")["crewcard-xero-web"]["spec"]["replicas"] == 1
    assert settings["data"]["DRAIN_SECONDS"] == "0"
