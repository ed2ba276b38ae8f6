"""Writes SigmaHQ's rules as EQL, each with the meaning that Sigma gives it, field names unchanged.

    convert.py DIR OUT

DIR is a checkout of SigmaHQ/sigma: its directories whose names begin with "rules" are searched for rules. OUT gets rules.ndjson (one rule a line: id, path, author, query, and the
same query behind the rule's log source), mapping.json (the types of all fields) and skipped.tsv (the path
of each rule that EQL cannot say, and why).

pySigma reads the rules; what it has understood is written out here, since its EQL backend writes some of
it in ways that Elasticsearch refuses or reads otherwise.
"""

import collections
import json
import pathlib
import re
import sys

import yaml
from sigma import conditions, types
from sigma.collection import SigmaCollection


class Unsaid(Exception):
    """Why a rule has no equal in EQL."""


class Fields:
    """What rules compare each field with, and the type of the mapping that follows from it."""

    def __init__(self):
        self.kinds = collections.defaultdict(set)

    def type_of(self, name):
        kinds = self.kinds[name]
        if not kinds:
            return "keyword"
        if kinds == {"number"}:
            return "long"
        if kinds == {"bool"}:
            return "boolean"
        if "network" in kinds and kinds <= {"network", "text"}:
            return "ip"
        return "keyword"

    def clash(self):
        """The names that are a value in one rule and an object in another."""
        return {n for n in self.kinds if any(m.startswith(n + ".") for m in self.kinds)}

    def mapping(self):
        root = {}
        for name in sorted(set(self.kinds) - self.clash()):
            at = root
            *objects, leaf = name.split(".")
            for part in objects:
                at = at.setdefault(part, {"properties": {}})["properties"]
            at[leaf] = {"type": self.type_of(name)}
        for name, kind in (("@timestamp", "date"), ("product", "keyword"), ("category", "keyword"), ("service", "keyword")):
            root.setdefault(name, {"type": kind})
        return {"mappings": {"properties": root}}


def kind_of(value):
    if isinstance(value, (types.SigmaNumber, types.SigmaCompareExpression)):
        return "number"
    if isinstance(value, types.SigmaBool):
        return "bool"
    if isinstance(value, types.SigmaCIDRExpression):
        return "network"
    if isinstance(value, (types.SigmaNull, types.SigmaExists)):
        return None
    if isinstance(value, types.SigmaString):
        if value.contains_placeholder():
            raise Unsaid("a placeholder")
        if any(isinstance(part, str) and re.search(r"[*?]", part) for part in value.s):
            raise Unsaid("a literal * or ?, for which EQL has no escape")
        return "pattern" if value.contains_special() else "text"
    if isinstance(value, types.SigmaRegularExpression):
        raise Unsaid("a regular expression: Sigma's is PCRE and finds parts, EQL's is Lucene's and matches all")
    raise Unsaid("a value of kind " + type(value).__name__)


def leaves(node):
    """Yields field and value of every comparison."""
    if isinstance(node, conditions.ConditionItem):
        for part in node.args:
            yield from leaves(part)
    elif isinstance(node, conditions.ConditionFieldEqualsValueExpression):
        values = node.value.values if isinstance(node.value, types.SigmaExpansion) else [node.value]
        for value in values:
            yield node.field, value
    else:
        raise Unsaid("a keyword without a field")


def field_name(name):
    return name if re.fullmatch(r"[A-Za-z_]\w*(\.\w+)*", name) else "`" + name + "`"


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"'


def pattern(value):
    stars = {types.SpecialChars.WILDCARD_MULTI: "*", types.SpecialChars.WILDCARD_SINGLE: "?"}
    return quoted("".join(part if isinstance(part, str) else stars[part] for part in value.s))


class Writer:
    """Writes conditions, once the types of all fields are known."""

    def __init__(self, fields):
        self.fields = fields

    def write(self, node):
        if isinstance(node, conditions.ConditionNOT):
            return "not (" + self.write(node.args[0]) + ")"
        if isinstance(node, conditions.ConditionAND):
            return " and ".join("(" + self.write(part) + ")" for part in node.args)
        if isinstance(node, conditions.ConditionOR):
            return self.any_of(node.args)
        if isinstance(node.value, types.SigmaExpansion):
            return self.any_of([conditions.ConditionFieldEqualsValueExpression(node.field, v) for v in node.value.values])
        return self.compare(node.field, node.value)

    def any_of(self, parts):
        """One list for the texts of a field, where all parts are such."""
        names = {getattr(part, "field", None) for part in parts}
        if len(names) == 1 and None not in names and all(self.is_text(part) for part in parts):
            field = names.pop()
            return field_name(field) + " : (" + ", ".join(self.text(part.value) for part in parts) + ")"
        return " or ".join("(" + self.write(part) + ")" for part in parts)

    def is_text(self, part):
        """Whether a comparison is one with a text, in any case of letters."""
        plain = isinstance(part.value, (types.SigmaString, types.SigmaNumber, types.SigmaBool)) and not isinstance(part.value, types.SigmaCasedString)
        return plain and self.fields.type_of(part.field) == "keyword"

    @staticmethod
    def text(value):
        if isinstance(value, types.SigmaString):
            return pattern(value)
        return quoted(str(value).lower())

    def compare(self, field, value):
        name, kind = field_name(field), self.fields.type_of(field)
        if isinstance(value, types.SigmaNull):
            return "?" + name + " == null"
        if isinstance(value, types.SigmaExists):
            return "?" + name + (" != null" if value.exists else " == null")
        if isinstance(value, types.SigmaCIDRExpression):
            if kind != "ip":
                raise Unsaid("a network of addresses, of a field that other rules compare as text")
            return "cidrMatch(" + name + ", " + quoted(str(value.network)) + ")"
        if isinstance(value, types.SigmaCompareExpression):
            if kind != "long":
                raise Unsaid("a comparison of numbers, of a field that other rules compare as text")
            return name + " " + value.op.value + " " + str(value.number)
        if kind == "keyword":
            if isinstance(value, types.SigmaCasedString):
                return name + " like " + pattern(value)
            return name + " : " + self.text(value)
        if kind == "ip":
            return name + " == " + quoted(str(value))
        return name + " == " + str(value).lower()


def read(root):
    """Yields path, document and parsed condition of each rule, or the reason why there is none."""
    seen = set()
    for path in sorted(pathlib.Path(root).glob("rules*/**/*.yml")):
        try:
            text = path.read_text(encoding="utf-8")
            documents = list(yaml.safe_load_all(text))
            if len(documents) != 1 or "detection" not in documents[0]:
                raise Unsaid("not one detection")
            if documents[0]["id"] in seen:
                raise Unsaid("an id that another rule has")
            detection = SigmaCollection.from_yaml(text).rules[0].detection
            if len(detection.parsed_condition) != 1:
                raise Unsaid("several conditions")
            parsed = detection.parsed_condition[0].parsed
            found = [(field, kind_of(value)) for field, value in leaves(parsed)]
        except Unsaid as why:
            yield path, None, None, str(why)
            continue
        except Exception as error:  # pySigma has many kinds of them
            yield path, None, None, "pySigma: " + type(error).__name__
            continue
        seen.add(documents[0]["id"])
        yield path, documents[0], parsed, found


def main(root, out):
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    fields, rules, skipped = Fields(), [], []
    for path, document, parsed, found in read(root):
        if document is None:
            skipped.append((path, found))
            continue
        rules.append((path, document, parsed))
        for field, kind in found:
            fields.kinds[field].update({kind} - {None})
    writer, clash, written = Writer(fields), fields.clash(), 0
    with open(out / "rules.ndjson", "w", encoding="utf-8") as lines:
        for path, document, parsed in rules:
            try:
                if any(field in clash for field, _ in leaves(parsed)):
                    raise Unsaid("a field that is an object in other rules")
                where = writer.write(parsed)
            except Unsaid as why:
                skipped.append((path, str(why)))
                continue
            source = document["logsource"]
            # An event that does not name its service may be of any: the generated ones name none.
            routed = [d + " : " + quoted(str(source[d])) for d in ("product", "category") if d in source]
            rule = {
                "id": document["id"], "path": str(path), "author": document.get("author", ""),
                "query": "any where " + where, "routed": "any where " + " and ".join([*routed, "(" + where + ")"]),
            }
            lines.write(json.dumps(rule) + "\n")
            written += 1
    (out / "mapping.json").write_text(json.dumps(fields.mapping(), indent=1), encoding="utf-8")
    (out / "skipped.tsv").write_text("".join(f"{path}\t{why}\n" for path, why in skipped), encoding="utf-8")
    print(f"{written} rules are converted, {len(skipped)} are not:")
    for why, n in collections.Counter(why for _, why in skipped).most_common():
        print(f"  {n}: {why}")


if __name__ == "__main__":
    main(*sys.argv[1:])
