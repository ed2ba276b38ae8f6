#!/usr/bin/env python3
"""Converts Sigma rules with pySigma's Lucene backend, field names unchanged, for the tests of this folder.

usage: sigma_lucene.py RULES_DIR
Prints one JSON object a line: path, and query or skipped (why pySigma has none).
"""

import json
import pathlib
import sys

from sigma.backends.elasticsearch import LuceneBackend
from sigma.collection import SigmaCollection


def converted(text):
    """Yields the queries of the rules of a file, or says why there are none."""
    rules = SigmaCollection.from_yaml(text)
    if not rules.rules:
        raise ValueError("no rule in it")
    for query in LuceneBackend().convert(rules):
        yield query


def main():
    root = pathlib.Path(sys.argv[1])
    for path in sorted(root.glob("rules*/**/*.yml")):
        name = str(path.relative_to(root))
        try:
            for number, query in enumerate(converted(path.read_text(encoding="utf-8"))):
                print(json.dumps({"path": name, "number": number, "query": query}))
        except Exception as error:  # pylint: disable=broad-except
            print(json.dumps({"path": name, "skipped": f"{type(error).__name__}: {error}"}))


main()
