"""What an operator sees: probes, metrics, and that alerts and dashboard ask for metrics that exist."""

import json
import pathlib
import re
import urllib.error
import urllib.request

import yaml

DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy"
# Told by Prometheus itself.
NOT_OURS = {"up"}
NAME = re.compile(r"\b(?:conclave|process)_[a-z0-9_]+\b")


def fetch(address, path):
    """Status and text of a page of a node."""
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def addresses(cluster):
    return [port.address for port in cluster.client_ports.values()]


def told(text):
    """Names of samples, and of families with their help."""
    samples = {re.split(r"[{ ]", line)[0] for line in text.splitlines() if line and not line.startswith("#")}
    helped = dict(re.findall(r"^# HELP (\S+) (.+)$", text, re.M))
    return samples, helped


def test_probes_answer(cluster):
    for address in addresses(cluster):
        assert fetch(address, "/livez") == (200, "ok\n")
        assert fetch(address, "/readyz") == (200, "ok\n")
        assert fetch(address, "/nothing")[0] == 404


def test_metrics_are_named_explained_and_counted(cluster, namespace):
    address = addresses(cluster)[0]
    samples, helped = told(fetch(address, "/metrics")[1])
    assert {"conclave_raft_term", "conclave_revision", "process_resident_memory_bytes"} <= samples
    families = {re.sub(r"_(total|bucket|sum|count|info)$", "", name) for name in samples}
    for family in families:
        assert re.fullmatch(r"(conclave|process)_[a-z0-9_]+", family), family
        assert family in helped or f"{family}_info" in helped, f"{family} has no help"


def test_alerts_and_dashboard_ask_for_metrics_that_exist(cluster, namespace):
    rules = yaml.safe_load((DEPLOY / "prometheus/conclave.rules.yml").read_text())
    asked = {rule["alert"]: rule["expr"] for group in rules["groups"] for rule in group["rules"]}
    dashboard = json.loads((DEPLOY / "grafana/conclave.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            asked[f"{panel['title']} {target['refId']}"] = target["expr"]
    samples = set()
    for address in addresses(cluster):
        samples |= told(fetch(address, "/metrics")[1])[0]
    for place, expression in asked.items():
        for name in set(NAME.findall(expression)) - NOT_OURS:
            assert name in samples, f"{place} asks for {name}, which no node tells"


def test_every_alert_has_a_runbook():
    rules = yaml.safe_load((DEPLOY / "prometheus/conclave.rules.yml").read_text())
    page = (DEPLOY.parent / "docs/operations.md").read_text()
    headings = {re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.+)$", page, re.M)}
    for group in rules["groups"]:
        for rule in group["rules"]:
            assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{rule['alert'].lower()}"
            assert rule["alert"].lower() in headings, f"{rule['alert']} has no runbook"
