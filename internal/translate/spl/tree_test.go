package spl_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/diag"
	"tocsin/internal/translate/spl"
)

// TestWalk requires that each node of a condition is visited, parents first.
func TestWalk(t *testing.T) {
	x, err := spl.ParseCondition(`a=1 (b OR NOT c IN (2)) [search d=3]`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	spl.Walk(x, func(x spl.Expr) { got = append(got, x.String()) })
	want := []string{
		"a=1 AND (b OR NOT c IN (2)) AND [search d=3]", "a=1", "b OR NOT c IN (2)", "b", "NOT c IN (2)", "c IN (2)", "[search d=3]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	spl.Walk(nil, func(x spl.Expr) { t.Errorf("nothing has the node %s", x) })
}

// TestSubs tests the searches whose rows a command adds.
func TestSubs(t *testing.T) {
	for text, want := range map[string]string{
		"* | join a [search b=1]":                   "search b=1",
		"* | append [search b=1]":                   "search b=1",
		"* | appendpipe [stats count]":              "| stats count as count",
		"* | appendcols [search b=1]":               "search b=1",
		"* | union [search b=1] [search c=2]":       "search b=1; search c=2",
		"| set diff [search b=1] [search c=2]":      "search b=1; search c=2",
		"| multisearch [search b=1] [search c=2]":   "search b=1; search c=2",
		"* | eval x=[search b=1 | return $b]":       "",
		"* | map search=\"search b=1\"":             "",
		"* [search b=1] | lookup t a | stats count": "",
	} {
		s, diags := spl.ParseText(diag.NewText("f", text), macros)
		if s == nil {
			t.Fatalf("%s: %v", text, diags)
		}
		var got []string
		for _, stage := range s.Stages {
			for _, sub := range spl.Subs(stage) {
				got = append(got, sub.String())
			}
		}
		if text := strings.Join(got, "; "); text != want {
			t.Errorf("%s: %s, want %s", s, text, want)
		}
	}
}

// TestPlaces requires that the span of each node contains its text: parsing that text gives the node.
func TestPlaces(t *testing.T) {
	nodes := 0
	for _, cases := range readWritten(t) {
		for _, c := range cases {
			s, _ := read(c.search)
			if s == nil || s.Source.Value != c.search {
				continue
			}
			visit(reflect.ValueOf(s.Stages), func(x any) {
				place, isNode := x.(interface{ Pos() diag.Span })
				if !isNode {
					return
				}
				span := place.Pos()
				if span == (diag.Span{}) { // That of what stands for nothing in the text.
					return
				}
				if span.Start < 0 || span.End > len(c.search) || span.End <= span.Start {
					t.Errorf("%s: %v is at %v", c.search, x, span)
					return
				}
				text := c.search[span.Start:span.End]
				if strings.Contains(text, "NOT IN") { // It is that of NOT and of IN.
					return
				}
				var again interface{ String() string }
				var err error
				switch x.(type) {
				case *spl.Compare, *spl.In, *spl.Term, *spl.Every, *spl.SubCompare, *spl.Subsearch:
					again, err = spl.ParseCondition(text)
				case *spl.Number, *spl.Field, *spl.Call, *spl.SubValue:
					again, err = expression(text)
				case *spl.Text:
					if !strings.HasPrefix(text, `"`) { // A pattern without quotes, or an option.
						return
					}
					again, err = expression(text)
				default:
					return
				}
				nodes++
				if err != nil || again.String() != x.(interface{ String() string }).String() {
					t.Errorf("%s: %s stands at %q: %v", c.search, x, text, err)
				}
			})
		}
	}
	if nodes < 500 {
		t.Errorf("only %d nodes", nodes)
	}
}

// expression reads the expression of where.
func expression(text string) (spl.Node, error) {
	s, diags := spl.ParsePipe(&spl.Source{Text: diag.NewText("f", "where "+text), Value: "where " + text})
	if s == nil {
		return nil, diags.Err()
	}
	return s.Stages[0].(*spl.Where).X, nil
}

// visit calls f for each pointer within a value.
func visit(v reflect.Value, f func(any)) {
	switch v.Kind() {
	case reflect.Interface:
		visit(v.Elem(), f)
	case reflect.Pointer:
		if v.IsNil() || v.Type() == reflect.TypeFor[*spl.Source]() {
			return
		}
		f(v.Interface())
		visit(v.Elem(), f)
	case reflect.Struct:
		for _, field := range v.Fields() {
			visit(field, f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			visit(v.Index(i), f)
		}
	default:
	}
}
