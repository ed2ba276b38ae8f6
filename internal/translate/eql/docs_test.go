package eql_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/testkit/conformance"
	"tocsin/internal/translate/eql"
)

func readPage(t *testing.T, name string) conformance.Page {
	t.Helper()
	p, err := conformance.ReadPage(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// lowered runs a query as far as its conditions, strictly.
func lowered(query string, fields mapping.Fields) diag.List {
	text := diag.NewText("query", query)
	q, diags := eql.Parse(text)
	if q == nil {
		return diags
	}
	opts := eql.Options{Fields: fields, Strict: true}
	if q.Event != nil {
		_, more := eql.Lower(q, text, opts)
		return append(diags, more...)
	}
	_, more := eql.LowerSteps(q, text, opts)
	return append(diags, more...)
}

func TestDocsQueries(t *testing.T) {
	p, fields := conformance.ReadLanguage(t, "languages/eql.md")
	count := p.Queries(t, "eql", func(query string) diag.List { return lowered(query, fields) })
	if count[""] < 5 || count["error"] < 15 {
		t.Errorf("found %v: are the blocks still marked?", count)
	}
}

// TestDocsExpressions evaluates the columns expression, or example, and result.
func TestDocsExpressions(t *testing.T) {
	p := readPage(t, "languages/eql.md")
	evaluated := 0
	for _, table := range p.Tables {
		from, to := max(table.Column("expression"), table.Column("example")), table.Column("result")
		if from < 0 || to < 0 {
			continue
		}
		for i, row := range table.Rows {
			evaluated++
			got, want := folded(t, conformance.Code(row[from])), folded(t, conformance.Code(row[to]))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("line %d: %s (-want +got):\n%s", table.Place(i), row[from], diff)
			}
		}
	}
	if evaluated < 50 {
		t.Errorf("found %d expressions", evaluated)
	}
}

// folded evaluates an expression without fields.
func folded(t *testing.T, expression string) any {
	t.Helper()
	q, diags := eql.Parse(diag.NewText("query", "any where ("+expression+") == 0"))
	if q == nil {
		t.Errorf("%s: %v", expression, diags)
		return nil
	}
	v, err := eql.Fold(q.Event.Where.(*eql.Comparison).X)
	if err != nil {
		t.Errorf("%s: %v", expression, err)
	}
	return v
}

// lowerCondition lowers a condition of the page.
func lowerCondition(text string, fields mapping.Fields) (condition.Expr, diag.List) {
	whole := diag.NewText("query", "any where "+text)
	q, diags := eql.Parse(whole)
	if q == nil {
		return nil, diags
	}
	e, diags := eql.Lower(q, whole, eql.Options{Fields: fields, Strict: true})
	if len(diags) > 0 {
		return nil, diags
	}
	return e, nil
}

// TestDocsConditions holds the column condition against what the others say of it.
func TestDocsConditions(t *testing.T) {
	p, fields := conformance.ReadLanguage(t, "languages/eql.md")
	lower := func(text string) (condition.Expr, diag.List) { return lowerCondition(text, fields) }
	isSplit := func(table conformance.Table) bool { return table.Column("searched for") == 1 }
	matched := p.Conditions(t, "condition", fields, lower, isSplit)
	split := 0
	for _, table := range p.Tables {
		if table.Head[0] != "condition" || !isSplit(table) {
			continue
		}
		for i, row := range table.Rows {
			split++
			e, diags := lower(conformance.Code(row[0]))
			if e == nil {
				t.Fatalf("line %d: %v", table.Place(i), diags)
			}
			superset, exact := condition.Pushdown(e, fields)
			if superset.String() != conformance.Code(row[1]) || exact != (row[2] == "no") {
				t.Errorf("line %d: searched for %s, exact %t", table.Place(i), superset, exact)
			}
		}
	}
	if matched < 20 || split < 5 {
		t.Errorf("found %d conditions and %d searches", matched, split)
	}
}

// TestDocsFunctions wants every function of the package in the page's table of functions, and no
// other; with a mark exactly at those that have a form with a tilde.
func TestDocsFunctions(t *testing.T) {
	p := readPage(t, "languages/eql.md")
	var documented []string
	for _, table := range p.Tables {
		if table.Head[0] != "function" {
			continue
		}
		for _, row := range table.Rows {
			name, _, _ := strings.Cut(conformance.Code(row[0]), "(")
			if marked, folds := row[1] == "yes", hasFold(name); marked != folds {
				t.Errorf("%s: the page says %t of its form with a tilde", name, marked)
			}
			documented = append(documented, strings.ToLower(name))
		}
	}
	slices.Sort(documented)
	if diff := cmp.Diff(functionNames(t), documented); diff != "" {
		t.Errorf("functions (-package +page):\n%s", diff)
	}
}

// functionNames reads the keys of the package's table of functions.
func functionNames(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "functions.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != "functions" {
			return true
		}
		for _, element := range spec.Values[0].(*ast.CompositeLit).Elts {
			name, err := strconv.Unquote(element.(*ast.KeyValueExpr).Key.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, name)
		}
		return false
	})
	slices.Sort(names)
	return names
}

// hasFold reports whether a function has a form with a tilde.
func hasFold(name string) bool {
	for _, d := range lowered("any where "+name+"~()", mapping.Untyped()) {
		if strings.Contains(d.Message, "has no case-insensitive form") {
			return false
		}
	}
	return true
}
