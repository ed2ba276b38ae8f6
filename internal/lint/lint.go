package lint

import (
	"slices"

	"tocsin/internal/diag"
	"tocsin/internal/rule"
	"tocsin/internal/translate/eql"
	"tocsin/internal/translate/kql"
	"tocsin/internal/translate/lucene"
)

// Lint finds one kind of mistake.
type Lint struct {
	// Code is the kind of its diagnostics, with a section of docs/lints.md: lint/no-test.
	Code     string
	Severity diag.Severity
	// Style is a lint about taste or cost; it is off unless chosen.
	Style bool
	// Rule looks at one rule, Rules at all rules together; one of them is set.
	Rule  func(*Subject)
	Rules func([]*Subject)
}

// Subject is a rule to be linted.
type Subject struct {
	Rule *rule.Rule
	// EQL, KQL or Lucene is the parsed query, if it is in this language.
	EQL    *eql.Query
	KQL    *kql.Query
	Lucene *lucene.Query
	// Foreign are the fields that the rule names as another product does.
	Foreign []Foreign
	// Tested: there are tests of the rule.
	Tested bool

	lint  *Lint
	found diag.List
	// conditions are the decided conditions of the query.
	conditions []stage
	decided    bool
}

// Foreign is a field that a rule names as another product does.
type Foreign struct {
	Name string
	// Known are the names that the field map knows where the rule looks.
	Known []string
	// Report makes a diagnostic at the name.
	Report func(sev diag.Severity, code, format string, args ...any) diag.Diagnostic
}

// NewSubject parses the query of a rule.
func NewSubject(r *rule.Rule) *Subject {
	s := &Subject{Rule: r}
	if r.Query.Value == "" {
		return s
	}
	switch r.Language {
	case rule.EQL:
		s.EQL, _ = eql.Parse(r.Query)
	case rule.Kuery:
		s.KQL, _ = kql.Parse(r.Query)
	case rule.Lucene:
		s.Lucene, _ = lucene.Parse(r.Query)
	case rule.ESQL, rule.SPL, rule.Sigma:
	}
	return s
}

// At reports a mistake at a part of the query.
func (s *Subject) At(span diag.Span, format string, args ...any) {
	s.found = append(s.found, s.Rule.Query.Report(s.lint.Severity, s.lint.Code, span, format, args...))
}

// AtKey reports a mistake at a key of the rule.
func (s *Subject) AtKey(key, format string, args ...any) {
	s.found = append(s.found, s.Rule.Report(s.lint.Severity, s.lint.Code, key, format, args...))
}

// Select returns the lints that are not style, and the style lints with the given codes, with or without their area. The
// code all means every lint. Unknown are the codes that no lint has.
func Select(codes []string) (lints []Lint, unknown []string) {
	for _, code := range codes {
		if code != "all" && !slices.ContainsFunc(All(), func(l Lint) bool { return l.Code == full(code) }) {
			unknown = append(unknown, code)
		}
	}
	for _, l := range All() {
		chosen := slices.ContainsFunc(codes, func(code string) bool { return code == "all" || full(code) == l.Code })
		if !l.Style || chosen {
			lints = append(lints, l)
		}
	}
	return lints, unknown
}

// Run runs lints and returns the diagnostics of each subject, in source order.
func Run(lints []Lint, subjects []*Subject) []diag.List {
	for i := range lints {
		l := &lints[i]
		for _, s := range subjects {
			s.lint = l
		}
		if l.Rules != nil {
			l.Rules(subjects)
			continue
		}
		for _, s := range subjects {
			l.Rule(s)
		}
	}
	out := make([]diag.List, len(subjects))
	for i, s := range subjects {
		s.found.Sort()
		out[i], s.found = s.found, nil
	}
	return out
}

// Merge adds what lints found to the other diagnostics of a rule, in source order. A lint stands for a note of a parser
// about the same place.
func Merge(others, found diag.List) diag.List {
	type place struct {
		file         string
		line, column int
	}
	of := func(d diag.Diagnostic) place { return place{d.File, d.Line, d.Column} }
	at := map[place]bool{}
	for _, d := range found {
		at[of(d)] = true
	}
	var out diag.List
	for _, d := range others {
		if d.Severity != diag.Note || !at[of(d)] {
			out = append(out, d)
		}
	}
	out = append(out, found...)
	out.Sort()
	return out
}
