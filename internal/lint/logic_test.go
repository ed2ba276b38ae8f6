package lint_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/diag"
	"tocsin/internal/lint"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
	"tocsin/internal/translate"
)

// someDocuments are all documents over a few values: a field is missing or has one value, and the list some of two.
func someDocuments() []*event.Document {
	var out []*event.Document
	names := []string{"", "sh", "Sh", "bash", "curl"}
	for _, name := range names {
		for _, user := range []string{"", "root", "ci"} {
			for _, port := range []int{-1, 10, 20, 30} {
				for _, args := range [][]any{nil, {"x"}, {"y"}, {"x", "y"}} {
					source := map[string]any{}
					put := func(key string, v any, there bool) {
						if there {
							source[key] = v
						}
					}
					put("process.name", name, name != "")
					put("user.name", user, user != "")
					put("destination.port", float64(port), port >= 0)
					put("process.args", args, len(args) > 0)
					out = append(out, event.NewDocument(source))
				}
			}
		}
	}
	return out
}

// someEQL and someKQL draw tests of one event.
func someEQL(t *rapid.T) string {
	return rapid.SampledFrom([]string{
		`process.name == "sh"`, `process.name == "curl"`, `process.name != "sh"`, `process.name : "SH"`, `process.name in ("sh", "bash")`,
		`process.name like "*sh"`, `process.name like~ ("b*", "curl")`, `process.name not in ("sh", "curl")`, `user.name == "root"`, `user.name != null`, `user.name == null`,
		`destination.port > 10`, `destination.port <= 10`, `destination.port < 20`, `destination.port == 30`, `destination.port >= 30`,
		`process.args == "x"`, `process.args == "y"`, `process.args != "x"`, `process.args in ("x", "y")`, `process.name : ("s?", "CURL")`,
		`true`, `false`,
	}).Draw(t, "test")
}

func someKQL(t *rapid.T) string {
	return rapid.SampledFrom([]string{
		`process.name: sh`, `process.name: "curl"`, `process.name: *sh`, `process.name: b*`, `process.name: (sh or bash)`, `process.name: *`,
		`user.name: root`, `user.name: *`, `destination.port > 10`, `destination.port <= 10`, `destination.port: 30`, `destination.port < 20`,
		`process.args: x`, `process.args: y`, `process.args: (x and y)`, `*:*`, `not *:*`,
	}).Draw(t, "test")
}

// someCondition draws a condition with groups in parentheses.
func someCondition(t *rapid.T, test func(*rapid.T) string, depth int) string {
	if depth == 0 {
		return test(t)
	}
	member := func() string { return someCondition(t, test, depth-1) }
	switch rapid.IntRange(0, 5).Draw(t, "form") {
	case 0:
		return test(t)
	case 1:
		return "not (" + member() + ")"
	case 2, 3:
		return "(" + member() + " and " + member() + " and " + member() + ")"
	}
	return "(" + member() + " or " + member() + ")"
}

// matches returns which documents a condition matches.
func matches(t *rapid.T, language rule.Language, text string, docs []*event.Document) []bool {
	if language == rule.EQL {
		text = "any where " + text
	}
	q, diags := translate.Parse(language, diag.NewText("query", text), translate.Options{})
	if q == nil {
		t.Fatal(text, diags)
	}
	fields := mapping.ECS()
	e, diags := q.Lower(fields)
	if e == nil {
		t.Fatal(text, diags)
	}
	m, err := condition.Compile(e, fields)
	if err != nil {
		t.Fatal(text, err)
	}
	out := make([]bool, len(docs))
	for i, d := range docs {
		out[i] = m.Match(event.NewDocument(d.Source))
	}
	return out
}

// TestLogic: whatever the lints say of a condition holds for every document: one that never matches matches none, and
// without an alternative that is dead, or a part that is idle, the condition matches the same documents.
func TestLogic(t *testing.T) {
	docs := someDocuments()
	lints, _ := lint.Select(nil)
	said, drawn := map[string]int{}, 0
	rapid.Check(t, func(rt *rapid.T) {
		drawn++
		language := rapid.SampledFrom([]rule.Language{rule.EQL, rule.Kuery}).Draw(rt, "language")
		test, prefix, no, yes := someEQL, "any where ", "false", "true"
		if language == rule.Kuery {
			test, prefix, no, yes = someKQL, "", "(not *:*)", "(*:*)"
		}
		text := someCondition(rt, test, 3)
		typ := map[rule.Language]rule.Type{rule.EQL: rule.TypeEQL, rule.Kuery: rule.TypeQuery}[language]
		r := &rule.Rule{ID: "r", Type: typ, Language: language, Query: diag.NewText("query", prefix+text)}
		want := matches(rt, language, text, docs)
		for _, d := range lint.Run(lints, []*lint.Subject{lint.NewSubject(r)})[0] {
			said[d.Code]++
			begin, end := part(text, d.Column-1-len(prefix), d.Width)
			instead := func(with string) string { return text[:begin] + with + text[end:] }
			fault := ""
			switch d.Code {
			case "lint/never-matches":
				if slices.Contains(want, true) {
					fault = "an event matches"
				}
			case "lint/always-true":
				if slices.Contains(want, false) {
					fault = "an event does not match"
				}
			case "lint/dead-alternative":
				if listed(text, begin) {
					continue // a value in a list cannot be replaced by a condition
				}
				if !slices.Equal(want, matches(rt, language, instead(no), docs)) {
					fault = "without it other events match: " + instead(no)
				}
			case "lint/idle-part":
				if listed(text, begin) {
					continue
				}
				if !slices.Equal(want, matches(rt, language, instead(yes), docs)) {
					fault = "without it other events match: " + instead(yes)
				}
			default:
				fault = "it is not about logic"
			}
			if fault != "" {
				rt.Fatalf("%s\n%v\n%s", text, d, fault)
			}
		}
	})
	const enough = 100 // conditions, among which each kind is
	for _, code := range []string{"lint/never-matches", "lint/always-true", "lint/dead-alternative", "lint/idle-part"} {
		if drawn >= enough && said[code] == 0 {
			t.Errorf("%s was said of none of %d conditions", code, drawn)
		}
	}
}

// part returns the whole of a part of a condition: with the field of a value in KQL, and with the end of a group.
func part(text string, begin, width int) (from, to int) {
	from, to = begin, begin+width
	open := strings.Count(text[from:to], "(") - strings.Count(text[from:to], ")")
	for ; open > 0; open-- {
		to += strings.IndexByte(text[to:], ')') + 1
	}
	for ; open < 0; open++ {
		from = strings.LastIndexByte(text[:from], '(')
	}
	if strings.HasSuffix(text[:from], "*:") {
		return from - len("*:"), to
	}
	if strings.HasSuffix(text[:from], ": ") {
		for from -= 2; from > 0 && strings.IndexByte("( ", text[from-1]) < 0; {
			from--
		}
	}
	return from, to
}

// listed reports whether a place is within the list of values of a test in KQL.
func listed(text string, at int) bool {
	open := strings.LastIndex(text[:at], ": (")
	return open >= 0 && !strings.Contains(text[open:at], ")")
}
