package eql_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/condition"
	"tocsin/internal/config"
	"tocsin/internal/diag"
	"tocsin/internal/event"
	"tocsin/internal/mapping"
	"tocsin/internal/metrics"
	"tocsin/internal/pipeline"
	"tocsin/internal/translate/eql"
)

// docsDir is the directory of the pages.
const docsDir = "../../../docs/"

// settingKeys finds the keys of a configuration file.
var settingKeys = regexp.MustCompile(`(?m)^([a-z-]+) = `)

// page is a page of documentation, split into testable parts.
type page struct {
	text   string
	blocks []docBlock
	tables []docTable
}

// docBlock is a fenced block with the words after its fence.
type docBlock struct {
	info string
	text string
	line int
}

// docTable is a table with its cells as written.
type docTable struct {
	head []string
	rows [][]string
	line int
}

func readPage(t *testing.T, name string) page {
	t.Helper()
	data, err := os.ReadFile(docsDir + name)
	if err != nil {
		t.Fatal(err)
	}
	p := page{text: string(data)}
	lines := strings.Split(p.text, "\n")
	for i := 0; i < len(lines); i++ {
		switch line := lines[i]; {
		case strings.HasPrefix(line, "```"):
			b := docBlock{info: strings.TrimPrefix(line, "```"), line: i + 1}
			var body []string
			for i++; i < len(lines) && lines[i] != "```"; i++ {
				body = append(body, lines[i])
			}
			b.text = strings.Join(body, "\n")
			p.blocks = append(p.blocks, b)
		case strings.HasPrefix(line, "|"):
			table := docTable{head: cellsOf(line), line: i + 1}
			for i += 2; i < len(lines) && strings.HasPrefix(lines[i], "|"); i++ {
				table.rows = append(table.rows, cellsOf(lines[i]))
			}
			p.tables = append(p.tables, table)
		}
	}
	return p
}

// cellsOf splits a line of a table at unescaped bars.
func cellsOf(line string) []string {
	const escaped = "\x00"
	line = strings.Trim(strings.ReplaceAll(line, `\|`, escaped), "|")
	var cells []string
	for cell := range strings.SplitSeq(line, "|") {
		cells = append(cells, strings.ReplaceAll(strings.TrimSpace(cell), escaped, "|"))
	}
	return cells
}

// code returns the part of a cell between back quotes.
func code(cell string) string { return strings.Trim(cell, "`") }

// column returns the index of a column, -1 when there is none of that name.
func (d docTable) column(name string) int { return slices.Index(d.head, name) }

// exampleFields returns the mapping of the page's examples.
func exampleFields(t *testing.T, p page) mapping.Fields {
	t.Helper()
	for _, b := range p.blocks {
		if b.info == "json" {
			table, err := mapping.Parse([]byte(b.text))
			if err != nil {
				t.Fatalf("line %d: %v", b.line, err)
			}
			return table
		}
	}
	t.Fatal("the page has no mapping")
	return nil
}

// lowered lowers a query in strict mode.
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

// TestDocsQueries lowers the eql blocks of the page. Blocks marked error must fail with the message
// in their comment.
func TestDocsQueries(t *testing.T) {
	p := readPage(t, "languages/eql.md")
	fields := exampleFields(t, p)
	accepted, refused := 0, 0
	for _, b := range p.blocks {
		switch b.info {
		case "eql":
			accepted++
			if diags := lowered(b.text, fields); len(diags) > 0 {
				t.Errorf("line %d: %v", b.line, diags)
			}
		case "eql error":
			refused++
			query, reason, found := strings.Cut(b.text, " // ")
			diags := lowered(query, fields)
			if !found || !diags.HasErrors() || !strings.Contains(diags[0].Message, reason) {
				t.Errorf("line %d: want an error with %q, got %v", b.line, reason, diags)
			}
		}
	}
	if accepted < 5 || refused < 15 {
		t.Errorf("found %d queries and %d errors: are the blocks still marked?", accepted, refused)
	}
}

// TestDocsExpressions evaluates the columns expression, or example, and result.
func TestDocsExpressions(t *testing.T) {
	p := readPage(t, "languages/eql.md")
	evaluated := 0
	for _, table := range p.tables {
		from, to := max(table.column("expression"), table.column("example")), table.column("result")
		if from < 0 || to < 0 {
			continue
		}
		for i, row := range table.rows {
			evaluated++
			got, want := folded(t, code(row[from])), folded(t, code(row[to]))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("line %d: %s (-want +got):\n%s", table.line+2+i, row[from], diff)
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
func lowerCondition(t *testing.T, text string, fields mapping.Fields) condition.Expr {
	t.Helper()
	whole := diag.NewText("query", "any where "+text)
	q, diags := eql.Parse(whole)
	if q == nil {
		t.Fatalf("%s: %v", text, diags)
	}
	e, diags := eql.Lower(q, whole, eql.Options{Fields: fields, Strict: true})
	if len(diags) > 0 {
		t.Fatalf("%s: %v", text, diags)
	}
	return e
}

// TestDocsConditions matches the column condition against the documents in the heads of the others,
// or compares it with the expected search.
func TestDocsConditions(t *testing.T) {
	p := readPage(t, "languages/eql.md")
	fields := exampleFields(t, p)
	matched, split := 0, 0
	for _, table := range p.tables {
		if table.head[0] != "condition" {
			continue
		}
		for i, row := range table.rows {
			line := table.line + 2 + i
			e := lowerCondition(t, code(row[0]), fields)
			if table.column("searched for") == 1 {
				split++
				superset, exact := condition.Pushdown(e, fields)
				if superset.String() != code(row[1]) || exact != (row[2] == "no") {
					t.Errorf("line %d: searched for %s, exact %t", line, superset, exact)
				}
				continue
			}
			for c, head := range table.head[1:] {
				matched++
				if got, want := matches(t, e, fields, code(head)), row[c+1] == "yes"; got != want {
					t.Errorf("line %d: %s on %s: %t", line, row[0], head, got)
				}
			}
		}
	}
	if matched < 40 || split < 5 {
		t.Errorf("found %d answers and %d searches", matched, split)
	}
}

func matches(t *testing.T, e condition.Expr, fields mapping.Fields, source string) bool {
	t.Helper()
	m, err := condition.Compile(e, fields)
	if err != nil {
		t.Fatal(err)
	}
	d, err := (&event.Event{Source: json.RawMessage(source)}).Document()
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	return m.Match(d)
}

// TestDocsFunctions requires exactly the package's functions in the page's table of functions, with
// a mark exactly at those that have a form with a tilde.
func TestDocsFunctions(t *testing.T) {
	p := readPage(t, "languages/eql.md")
	var documented []string
	for _, table := range p.tables {
		if table.head[0] != "function" {
			continue
		}
		for _, row := range table.rows {
			name, _, _ := strings.Cut(code(row[0]), "(")
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

// TestDocsOperations loads the configuration files of docs/operations.md, and requires every key of
// a script that has all keys in that page.
func TestDocsOperations(t *testing.T) {
	script, err := os.ReadFile("../../../cmd/runner/testdata/script/configuration_every_flag.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, m := range settingKeys.FindAllStringSubmatch(string(script), -1) {
		keys = append(keys, m[1])
	}
	p := readPage(t, "operations.md")
	for _, key := range keys {
		if !strings.Contains(p.text, "`"+key+"`") && !strings.Contains(p.text, "`--"+key) {
			t.Errorf("operations.md does not speak of %s", key)
		}
	}
	examples := 0
	for _, b := range p.blocks {
		if b.info != "toml" {
			continue
		}
		examples++
		name := t.TempDir() + "/runner.toml"
		if err := os.WriteFile(name, []byte(b.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, diags := config.Load(name); len(diags) > 0 {
			t.Errorf("line %d: %v", b.line, diags)
		}
		for _, m := range settingKeys.FindAllStringSubmatch(b.text, -1) {
			if !slices.Contains(keys, m[1]) {
				t.Errorf("line %d: %s is no key", b.line, m[1])
			}
		}
	}
	if examples == 0 {
		t.Error("operations.md has no example of a configuration file")
	}
}

// TestDocsMetrics requires every metric of the runner in docs/operations.md.
func TestDocsMetrics(t *testing.T) {
	m := metrics.New()
	m.Execution(pipeline.Execution{RuleID: "r", Status: pipeline.Succeeded, Slot: time.Unix(1, 0)})
	m.Rules(metrics.Rules{Valid: 1})
	m.Hooks(slog.New(slog.DiscardHandler)).Missed("r", 1)
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	found := regexp.MustCompile(`(?m)^# TYPE (tocsin_\w+) `).FindAllStringSubmatch(answer.Body.String(), -1)
	if len(found) < 10 {
		t.Errorf("found %d metrics", len(found))
	}
	p := readPage(t, "operations.md")
	for _, name := range found {
		if !strings.Contains(p.text, "| `"+name[1]+"` |") {
			t.Errorf("operations.md does not list %s", name[1])
		}
	}
}
