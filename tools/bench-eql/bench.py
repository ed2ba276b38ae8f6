"""Matches EQL event rules on events with the Python engine of PyPI's eql.

Reads a file of rules, one {"name", "query"} a line, and a file of events. Prints as JSON how many rules the
engine takes, the time for an event with all of them on one core, and how many events each rule finds.
run.sh compares that with the program's own set of rules on the same files.
"""

import json
import sys
import time

import eql


def main(rules_path: str, events_path: str) -> None:
    with open(rules_path, encoding="utf-8") as lines:
        rules = [json.loads(line) for line in lines]
    with open(events_path, encoding="utf-8") as lines:
        events = [json.loads(line) for line in lines]
    wrapped = [eql.Event(e["event"]["category"], n, e) for n, e in enumerate(events)]
    engines, found = [], {}
    for rule in rules:
        counter = [0]

        def count(output, counter=counter):
            counter[0] += 1

        try:
            with eql.parser.elasticsearch_syntax, eql.parser.elastic_endpoint_syntax:
                query = eql.parse_query(rule["query"])
            one = eql.PythonEngine()
            one.add_query(query)
            one.add_output_hook(count)
            for event in wrapped:
                one.stream_event(event)
        except Exception as error:  # What it does not take is named, and left out on both sides.
            print(f"left out: {rule['name']}: {str(error).splitlines()[0]}", file=sys.stderr)
            continue
        engines.append(one)
        found[rule["name"]] = counter[0]
    start = time.process_time()
    for event in wrapped:
        for one in engines:
            one.stream_event(event)
    took = time.process_time() - start
    json.dump(
        {"rules": len(engines), "events": len(events), "us_per_event": took * 1e6 / len(events),
         "found": found},
        sys.stdout,
    )


main(sys.argv[1], sys.argv[2])
