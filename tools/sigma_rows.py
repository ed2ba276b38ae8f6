#!/usr/bin/env python3
"""Runs rows of rules of Sigma with events through the command, and says which do not hold.

    sigma_rows.py ROWS.jsonl --runner RUNNER [--node URL] [--mapped] [--only NAME] [--jobs N]

A row is an object with name, rule (YAML), events, expected (numbers of the events that match, or "error"), and
perhaps types, mapping (cs: plain keywords, mixed: A is one) and placeholders. Without --node events are a file;
with it they are indexed there, under a name of the row's own that is deleted afterwards. A row that says nothing of its
mapping has none, or with --mapped keywords with a lowercase normalizer.
"""

import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import tempfile
import urllib.request

SLOT, MINUTE_BEFORE = "2026-01-15T14:00:00Z", "2026-01-15T13:59:00Z"
NORMAL = {"type": "keyword", "normalizer": "lowercase"}


def properties(row, mapped):
    """Returns the properties of the row's mapping, None when it has none."""
    types, kind = row.get("types") or {}, row.get("mapping")
    if not types and not kind and not mapped:
        return None
    out = {"@timestamp": {"type": "date"}}

    def add(name, value):
        if isinstance(value, list):
            for v in value:
                add(name, v)
        elif isinstance(value, dict):
            for k, v in value.items():
                add(name + "." + k if name else k, v)
        elif name and name not in out and value is not None:
            usual = {"type": "keyword"} if kind == "cs" or kind == "mixed" and name == "A" else NORMAL
            if isinstance(value, bool):
                usual = {"type": "boolean"}
            elif isinstance(value, (int, float)):
                usual = {"type": "long" if isinstance(value, int) else "double"}
            out[name] = {"type": types[name]} if name in types else usual

    for e in row["events"]:
        add("", e)
    return out


def call(method, url, body=None, kind="application/json"):
    data = None if body is None else body.encode()
    r = urllib.request.Request(url, data, {"Content-Type": kind}, method=method)
    with urllib.request.urlopen(r, timeout=60) as answer:
        return json.loads(answer.read() or b"{}")


def clean(node, index):
    """Deletes what a row made on a node."""
    for name in (index, f"tocsin-*-{index}*"):
        listed = call("GET", f"{node}/_resolve/index/{name}?expand_wildcards=all")
        for i in [x["name"] for x in listed["indices"]]:
            call("DELETE", f"{node}/{i}")
        for i in [x["name"] for x in listed["data_streams"]]:
            call("DELETE", f"{node}/_data_stream/{i}")
    for t in call("GET", f"{node}/_index_template/tocsin-*{index}*").get("index_templates", []):
        call("DELETE", f"{node}/_index_template/{t['name']}")


def run(row, number, a):
    """Returns what is wrong with a row, "" when it holds."""
    index = "logs-sigma" if not a.node else f"logs-sigmarow-{os.getpid()}-{number}"
    with tempfile.TemporaryDirectory() as d:
        def path(name, text):
            with open(os.path.join(d, name), "w") as f:
                f.write(text)
            return os.path.join(d, name)

        args = [a.runner, "run", "--once", "--at", SLOT, "--rules", path("r.yml", row["rule"]), "--sigma-index", index, "--format", "ndjson", *a.flag]
        mapping = properties(row, a.mapped)
        sources = [{"@timestamp": MINUTE_BEFORE, **e} for e in row["events"]]
        if row.get("placeholders"):
            text = "".join(f"{json.dumps(k)} = {json.dumps(v)}\n" for k, v in row["placeholders"].items())
            args += ["--sigma-placeholders", path("p.toml", text)]
        if a.node:
            body = {"settings": {"number_of_shards": 1, "number_of_replicas": 0}}
            if mapping:
                body["mappings"] = {"properties": mapping}
            call("PUT", f"{a.node}/{index}", json.dumps(body))
            lines = "".join(json.dumps({"index": {"_id": f"e{i}"}}) + "\n" + json.dumps(s) + "\n" for i, s in enumerate(sources))
            if lines:
                answer = call("POST", f"{a.node}/{index}/_bulk?refresh=true", lines, "application/x-ndjson")
                refused = [x["index"].get("error") for x in answer["items"] if x["index"].get("error")]
                if refused:
                    call("DELETE", f"{a.node}/{index}")
                    return f"? the node refuses an event: {refused[0].get('reason')}"
            place = ["--elasticsearch", a.node, "--namespace", index]
        else:
            lines = "".join(json.dumps({"_index": index, "_id": f"e{i}", "_source": s}) + "\n" for i, s in enumerate(sources))
            args += ["--events", path("e.ndjson", lines)]
            place = ["--store", os.path.join(d, "store")]
            if mapping:
                args += ["--mapping", path("m.json", json.dumps({"properties": mapping}))]
        listed = ""
        try:
            p = subprocess.run(args + place, capture_output=True, text=True, timeout=120)
            if a.node and p.returncode == 0:
                hits = call("POST", f"{a.node}/tocsin-alerts-{index}/_search?ignore_unavailable=true", '{"size": 1000}')["hits"]["hits"]
                listed = "".join(json.dumps(h["_source"]) + "\n" for h in hits)
            elif p.returncode == 0:
                listed = subprocess.run([a.runner, "alerts", "list", "--format", "ndjson", *place], capture_output=True, text=True, timeout=60).stdout
        finally:
            if a.node:
                clean(a.node, index)
    if a.verbose:
        print(p.stdout[:3000], p.stderr[:3000], listed[:3000])
    found = set()
    for line in listed.splitlines():
        for m in re.finditer(r'"id":"e(\d+)"', line.replace(" ", "")):
            found.add(int(m.group(1)))
    if row["expected"] == "error":
        return "" if p.returncode != 0 and "error" in p.stderr + p.stdout else f"want an error, found {sorted(found)}, exit {p.returncode}"
    if p.returncode != 0 or sorted(found) != sorted(row["expected"]):
        return f"want {row['expected']}, found {sorted(found)}, exit {p.returncode}: {p.stderr.strip()[-400:]}"
    return ""


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("rows")
    p.add_argument("--runner", required=True)
    p.add_argument("--node")
    p.add_argument("--mapped", action="store_true")
    p.add_argument("--only")
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--flag", action="append", default=[])
    p.add_argument("--verbose", action="store_true")
    a = p.parse_args()
    rows = [json.loads(line) for line in open(a.rows)]
    rows = [r for r in rows if not a.only or r["name"] == a.only]
    failed = []
    with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
        for row, wrong in zip(rows, pool.map(lambda x: run(x[1], x[0], a), enumerate(rows))):
            if wrong:
                failed.append(row["name"])
                print(row["name"] + ": " + wrong)
    print(f"{len(rows) - len(failed)} of {len(rows)} rows hold")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
