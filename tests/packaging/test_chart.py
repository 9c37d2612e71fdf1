"""The Helm chart renders to objects that fit together."""

import pathlib
import sys

import pytest
import yaml

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import gotemplate

CHART = pathlib.Path(__file__).resolve().parents[2] / "deploy/kubernetes/conclave"


def rendered(**changes):
    """All objects of the chart, by kind and name."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    scope = {"Values": {**values, **changes}, "Release": {"Name": "prod"}}
    objects = {}
    for path in sorted((CHART / "templates").glob("*.yaml")):
        for document in yaml.safe_load_all(gotemplate.render(path.read_text(), scope)):
            objects[document["kind"], document["metadata"]["name"]] = document
    return objects


def pod(objects):
    return objects["StatefulSet", "prod"]["spec"]["template"]


def environment(objects):
    return {entry["name"]: entry.get("value") for entry in pod(objects)["spec"]["containers"][0]["env"]}


def test_every_pod_is_a_first_member_under_its_own_name():
    objects = rendered()
    assert objects["StatefulSet", "prod"]["spec"]["ordinals"]["start"] == 1
    members = [part.strip() for part in environment(objects)["CONCLAVE_INITIAL_CLUSTER"].split(",") if part.strip()]
    peers = objects["StatefulSet", "prod"]["spec"]["serviceName"]
    assert members == [f"{n}=prod-{n}.{peers}:4201/http://prod-{n}.{peers}:4101" for n in (1, 2, 3)]
    more = environment(rendered(replicas=5))["CONCLAVE_INITIAL_CLUSTER"]
    assert len([member for member in more.split(",") if member.strip()]) == 3, "those who come later join"


def test_a_pod_joins_by_a_token_of_its_own():
    objects = rendered()
    told = environment(objects)
    assert told["CONCLAVE_TOKEN_FILE"] == "/join/$(POD_NAME)"
    assert told["CONCLAVE_JOIN"] == f"{objects['StatefulSet', 'prod']['spec']['serviceName']}:4201"
    assert told["CONCLAVE_PEER_ADVERTISE"] == "$(POD_NAME).prod-peers:4201"
    names = [entry["name"] for entry in pod(objects)["spec"]["containers"][0]["env"]]
    assert names.index("POD_NAME") < names.index("CONCLAVE_PEER_ADVERTISE"), "a variable is known only after it"
    volume = next(it for it in pod(objects)["spec"]["volumes"] if it["name"] == "join")
    assert volume["secret"] == {"secretName": "prod-join", "optional": True, "defaultMode": 0o440}
    mounts = {mount["name"]: mount for mount in pod(objects)["spec"]["containers"][0]["volumeMounts"]}
    assert mounts["join"] == {"name": "join", "mountPath": "/join", "readOnly": True}


def test_selectors_find_the_pods_and_ports_are_there():
    objects = rendered()
    labels = pod(objects)["metadata"]["labels"]
    ports = {port["name"] for port in pod(objects)["spec"]["containers"][0]["ports"]}
    for (kind, name), found in objects.items():
        if kind == "Service":
            assert found["spec"]["selector"] == labels, name
            assert {port["targetPort"] for port in found["spec"]["ports"]} <= ports
    assert objects["PodDisruptionBudget", "prod"]["spec"]["selector"]["matchLabels"] == labels
    assert objects["PodDisruptionBudget", "prod"]["spec"]["maxUnavailable"] == 1
    assert objects["Service", "prod-peers"]["spec"]["publishNotReadyAddresses"] is True


def test_the_pod_is_probed_and_has_no_rights():
    container = pod(rendered())["spec"]["containers"][0]
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"]["drop"] == ["ALL"]


def test_options_are_options():
    assert "annotations" not in pod(rendered(scrape=False))["metadata"]
    storage = {"size": "1Gi", "className": "fast"}
    claim = rendered(storage=storage)["StatefulSet", "prod"]["spec"]["volumeClaimTemplates"][0]
    assert claim["spec"]["storageClassName"] == "fast"
    assert "storageClassName" not in rendered()["StatefulSet", "prod"]["spec"]["volumeClaimTemplates"][0]["spec"]


def test_what_the_renderer_does_not_know_is_an_error():
    for text in ["{{ .Values.missing }}", "{{ include \"x\" . }}", "{{ if .Values.scrape }}", "{{ end }}"]:
        with pytest.raises(gotemplate.TemplateError):
            gotemplate.render(text, {"Values": {"scrape": True}})
