package plans_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
	"tocsin/internal/translate"
)

// keywordMapping is ECS, and takes every other name for a keyword, which most fields of integrations
// are.
type keywordMapping struct{ mapping.Table }

func (k keywordMapping) Field(name string) (mapping.Field, bool) {
	if f, ok := k.Table.Field(name); ok {
		return f, true
	}
	return mapping.Field{Name: name, Type: mapping.Keyword, IgnoreAbove: 1024}, true
}

// setMappings are mappings that rules are lowered under: each is one, as that of a round is.
var setMappings = []mapping.Fields{&keywordMapping{mapping.ECS()}, mapping.Assumed(), mapping.Untyped()}

// setRule is a condition with the text that it was lowered from.
type setRule struct {
	name, language, query string
	condition.Member
}

// eventRules are the rules of the corpus that look at single events, or, without the corpus, our own.
func eventRules(tb testing.TB) []setRule {
	tb.Helper()
	loaded, _ := rule.Load("../../../../shared/corpus/elastic")
	var rules []setRule
	for _, r := range loaded.Rules() {
		if r.Type != rule.TypeEQL && r.Type != rule.TypeQuery || !translate.Supports(r.Language) {
			continue
		}
		if one, ok := lowered(r.Path, r.Language, r.Query, r.EventCategoryOverride); ok {
			rules = append(rules, one)
		}
	}
	if len(rules) == 0 {
		return ownRules(tb)
	}
	return rules
}

// lowered lowers a query of single events, under types that fit it.
func lowered(name string, language rule.Language, text diag.Text, category string) (setRule, bool) {
	q, diags := translate.Parse(language, text, translate.Options{CategoryField: category})
	if diags.HasErrors() || q == nil || q.Shape() != translate.Events {
		return setRule{}, false
	}
	for _, fields := range setMappings {
		e, diags := q.Lower(fields)
		if diags.HasErrors() {
			continue
		}
		if _, err := condition.Compile(e, fields); err == nil {
			return setRule{name, string(language), text.Value, condition.Member{Expr: e, Fields: fields}}, true
		}
	}
	return setRule{}, false
}

// ownRules are made of the shapes that rules have, for where the corpus is not.
func ownRules(tb testing.TB) []setRule {
	tb.Helper()
	shapes := []string{
		`process where host.os.type == "windows" and event.type == "start" and process.name : "%[1]s.exe" and not process.parent.executable : ("C:\\Program Files\\%[2]s\\*", "?:\\Windows\\%[1]s.exe")`,
		`process where host.os.type == "windows" and event.type == "start" and process.args : ("*%[1]s*", "-%[2]s") and not user.id : "S-1-5-18"`,
		`process where host.os.type == "linux" and event.action in ("exec", "start") and process.name in ("%[1]s", "%[2]s") and process.args_count > 2`,
		`file where event.type != "deletion" and file.path : ("C:\\Users\\*\\%[1]s\\*.%[2]s", "/tmp/%[1]s*") and process.name != "%[2]s"`,
		`registry where registry.path : ("HKLM\\SOFTWARE\\%[1]s\\*", "*\\%[2]s\\Run\\*") and registry.data.strings : "?*"`,
		`network where event.action == "connection_attempted" and process.name : "%[1]s*" and not cidrmatch(destination.ip, "10.0.0.0/8", "192.168.0.0/16")`,
		`any where event.code == "%[1]s" and winlog.event_data.TargetUserName : "*%[2]s*"`,
		`process where process.command_line regex~ """.*(%[1]s|%[2]s)=[a-z0-9]+.*""" and length(process.name) > 3`,
	}
	words := strings.Fields("alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november oscar papa")
	var rules []setRule
	for i, shape := range shapes {
		for j, word := range words {
			text := fmt.Sprintf(shape, word, words[(j+i+1)%len(words)])
			one, ok := lowered(fmt.Sprintf("own %d %s", i, word), rule.EQL, diag.NewText("own", text), "")
			if !ok {
				tb.Fatalf("%s is no event query", text)
			}
			rules = append(rules, one)
		}
	}
	return rules
}

// kept are the fields whose few values do not tell rules apart; copies keep them.
var kept = map[string]bool{
	"event.category": true, "event.type": true, "event.kind": true, "event.outcome": true, "event.module": true, "event.dataset": true,
	"data_stream.dataset": true, "host.os.type": true, "host.os.family": true, "event.provider": true,
}

// changed is a condition with other constants, as a rule has them that is about something else.
func changed(e condition.Expr, n int) condition.Expr {
	all := func(members []condition.Expr) []condition.Expr {
		out := make([]condition.Expr, len(members))
		for i, m := range members {
			out[i] = changed(m, n)
		}
		return out
	}
	switch e := e.(type) {
	case condition.And:
		return condition.And(all(e))
	case condition.Or:
		return condition.Or(all(e))
	case condition.Not:
		return condition.Not{X: changed(e.X, n)}
	case condition.Term:
		if s, ok := e.Value.(string); ok && !kept[e.Field] {
			e.Value = renamed(s, n)
		}
		return e
	case condition.Terms:
		values := make([]any, len(e.Values))
		for i, v := range e.Values {
			if s, ok := v.(string); ok && !kept[e.Field] {
				v = renamed(s, n)
			}
			values[i] = v
		}
		e.Values = values
		return e
	case condition.Wildcard:
		e.Pattern = renamed(e.Pattern, n)
		return e
	case condition.Prefix:
		e.Value = renamed(e.Value, n)
		return e
	case condition.Residual:
		e.Text += fmt.Sprint(" /* ", n, " */")
		return e
	}
	return e
}

// renamed puts a number into the longest run of letters: what has none stays as it is.
func renamed(s string, n int) string {
	best, end, run := 0, -1, 0
	for i, r := range s {
		if !unicode.IsLetter(r) {
			run = 0
			continue
		}
		if run++; run > best {
			best, end = run, i
		}
	}
	if best < 2 {
		return s
	}
	return s[:end] + fmt.Sprint("q", n) + s[end:]
}

func members(rules []setRule, copies int) []condition.Member {
	var out []condition.Member
	for n := range copies {
		for _, r := range rules {
			m := r.Member
			if n > 0 {
				m.Expr = changed(m.Expr, n)
			}
			if _, err := condition.Compile(m.Expr, m.Fields); err != nil {
				m.Expr = r.Expr // A number or an address has no letters to be changed.
			}
			out = append(out, m)
		}
	}
	return out
}
