"""Tests detection rules with Elasticsearch and Tocsin in containers.

The variables: TOCSIN_IMAGE, the image of Tocsin (default "tocsin"), and TOCSIN_ELASTICSEARCH_IMAGE.
"""

import base64
import json
import os
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

EXAMPLES = Path(__file__).resolve().parent.parent
ELASTICSEARCH = os.environ.get("TOCSIN_ELASTICSEARCH_IMAGE") or "docker.elastic.co/elasticsearch/elasticsearch:8.19.21"
TOCSIN = os.environ.get("TOCSIN_IMAGE") or "tocsin"
PASSWORD = "a-password-of-this-suite"
MAPPING = {
    "settings": {"number_of_replicas": 0},
    "mappings": {
        "dynamic_templates": [{"texts": {"match_mapping_type": "string", "mapping": {"type": "keyword"}}}],
        "properties": {"@timestamp": {"type": "date"}},
    },
}


class Elasticsearch:
    """A node in a container, on a network of its own."""

    def __init__(self, network):
        self.container = (
            DockerContainer(ELASTICSEARCH)
            .with_network(network)
            .with_network_aliases("elasticsearch")
            .with_exposed_ports(9200)
            .with_env("discovery.type", "single-node")
            .with_env("xpack.security.http.ssl.enabled", "false")
            .with_env("ELASTIC_PASSWORD", PASSWORD)
            .with_env("ES_JAVA_OPTS", "-Xms512m -Xmx512m")
        )

    def __enter__(self):
        self.container.start()
        until = time.monotonic() + 180
        while True:
            try:
                self.ask("GET", "/_cluster/health?wait_for_status=yellow&timeout=2s")
                return self
            except (urllib.error.URLError, ConnectionError):
                if time.monotonic() > until:
                    raise
                time.sleep(0.5)

    def __exit__(self, *_):
        self.container.stop()

    def ask(self, method, path, body=None):
        url = f"http://{self.container.get_container_host_ip()}:{self.container.get_exposed_port(9200)}{path}"
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        kind = "application/x-ndjson" if path.startswith("/_bulk") else "application/json"
        credentials = base64.b64encode(f"elastic:{PASSWORD}".encode()).decode()
        request = urllib.request.Request(url, data, {"Content-Type": kind, "Authorization": f"Basic {credentials}"}, method=method)
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def load(self, file):
        """Writes the events of a file: lines with _index, _id and _source."""
        events = [json.loads(line) for line in file.read_text().splitlines()]
        for index in {event["_index"] for event in events}:
            self.ask("PUT", f"/{index}", MAPPING)
        lines = []
        for event in events:
            lines += [{"create": {"_index": event["_index"], "_id": event["_id"]}}, event["_source"]]
        reply = self.ask("POST", "/_bulk?refresh=true", "".join(json.dumps(line) + "\n" for line in lines).encode())
        assert not reply["errors"], reply


def tocsin(network, *arguments):
    """Runs a command of the image to its end, and returns what it printed as JSON lines."""
    container = (
        DockerContainer(TOCSIN)
        .with_network(network)
        .with_volume_mapping(str(EXAMPLES / "rules"), "/etc/tocsin/rules", "ro")
        .with_env("TOCSIN_ELASTICSEARCH", "http://elasticsearch:9200")
        .with_env("TOCSIN_USERNAME", "elastic")
        .with_env("TOCSIN_PASSWORD", PASSWORD)
        .with_env("TOCSIN_FORMAT", "ndjson")
        .with_command([*arguments])
        .with_kwargs(read_only=True, cap_drop=["ALL"], security_opt=["no-new-privileges"])
    )
    with container:
        code = container.get_wrapped_container().wait(timeout=120)["StatusCode"]
        out, err = container.get_logs()
    assert code == 0, err.decode()
    return [json.loads(line) for line in out.decode().splitlines()]


@pytest.fixture(scope="module")
def network():
    with Network() as one:
        yield one


@pytest.fixture(scope="module")
def elasticsearch(network):
    with Elasticsearch(network) as node:
        yield node


def test_shell_of_a_web_server(network, elasticsearch):
    elasticsearch.load(EXAMPLES / "events.ndjson")
    slot = ["run", "--once", "--at", "2026-01-15T14:05:00Z", "--rules", "/etc/tocsin/rules"]
    executions = tocsin(network, *slot)
    assert [(x["name"], x["status"], x["created"]) for x in executions] == [("Shell from a web server", "succeeded", 1)]
    alerts = tocsin(network, "alerts", "list")
    assert [a["kibana.alert.ancestors"][0]["id"] for a in alerts] == ["web"]
    assert tocsin(network, *slot)[0]["duplicates"] == 1, "the second run makes no second alert"
