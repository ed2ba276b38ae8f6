package internal_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "tocsin"

// allowed is what the packages of this module may import of each other, by the path behind the
// module's name. An edge that is not here is a decision that has to be made, not an oversight to be
// repaired: data goes one way, from the rule to the alert. Nothing below pipeline knows the time of
// day, nothing but cmd/runner knows flags, and only it knows what everything is made of.
var allowed = map[string][]string{
	// What everything stands on.
	"internal/diag":       nil,
	"internal/folder":     nil,
	"internal/invariants": nil,
	"internal/failure":    {"internal/invariants"},
	"internal/datemath":   nil,
	"internal/lregexp":    nil,
	"internal/pcre":       nil,
	"internal/mapping":    nil,
	"internal/event":      {"internal/mapping"},
	"internal/series":     {"internal/event"},
	"internal/window":     {"internal/datemath"},
	"internal/tomltree":   {"internal/diag"},
	// Dates in the names of indices.
	"internal/indexname": {"internal/datemath", "internal/mapping", "internal/window"},

	// The neutral condition, and a search for it. Neither knows a rule.
	"internal/condition": {"internal/datemath", "internal/failure", "internal/invariants", "internal/lregexp", "internal/mapping"},
	"internal/search":    {"internal/condition", "internal/event", "internal/failure", "internal/mapping", "internal/window"},

	// Groups of events, counted as a search engine counts them.
	"internal/tally": {"internal/event", "internal/failure", "internal/mapping", "internal/search", "internal/window"},

	// Sequences over events of any shape: a state machine that knows neither documents nor rules.
	"internal/sequence": nil,
	// Hits of any shape folded into alerts, likewise.
	"internal/suppress": nil,

	// Indicators of threat intelligence beside events: values and places of documents, no rules.
	"internal/indicator": {"internal/condition", "internal/event", "internal/mapping"},

	// Time and rules. A scheduler drives functions; a rule asks it only whether a cron expression is one.
	"internal/scheduler": nil,
	"internal/rule":      {"internal/datemath", "internal/diag", "internal/folder", "internal/mapping", "internal/scheduler", "internal/tomltree", "internal/window"},

	// Languages know conditions and no rules; translate knows both, and which language is whose.
	"internal/translate/eql":    {"internal/condition", "internal/diag", "internal/lregexp", "internal/mapping"},
	"internal/translate/kql":    {"internal/condition", "internal/diag", "internal/mapping"},
	"internal/translate/lucene": {"internal/condition", "internal/diag", "internal/lregexp", "internal/mapping"},
	// Query DSL is not a language of rules, but of their filters.
	"internal/translate/querydsl": {"internal/condition", "internal/diag", "internal/mapping", "internal/translate/lucene"},
	// ES|QL is read, not lowered: Elasticsearch runs its text.
	"internal/translate/esql": {"internal/diag"},
	"internal/translate/spl":  {"internal/diag", "internal/pcre"},
	"internal/translate": {
		"internal/condition", "internal/diag", "internal/mapping", "internal/rule", "internal/translate/eql", "internal/translate/kql",
		"internal/translate/lucene", "internal/translate/querydsl",
	},

	// What is known of addresses.
	"internal/geoip": nil,
	// Tables that searches keep for each other.
	"internal/tables": nil,

	// What Splunk's searches do, in memory, and the content that is written for Splunk.
	"internal/splunk": {"internal/diag", "internal/pcre", "internal/tables", "internal/translate/spl"},
	"internal/escu":   {"internal/diag", "internal/folder", "internal/rule", "internal/scheduler", "internal/splunk", "internal/translate/spl"},

	"internal/fieldmap": {
		"internal/condition", "internal/diag", "internal/event", "internal/failure", "internal/indexname", "internal/mapping",
		"internal/search", "internal/splunk", "internal/tomltree", "internal/translate/kql", "internal/translate/spl", "internal/window",
	},

	// From a rule to its hits, from a hit to its alert, and the two together.
	"internal/query": {
		"internal/condition", "internal/diag", "internal/escu", "internal/event", "internal/failure", "internal/fieldmap",
		"internal/indexname", "internal/indicator",
		"internal/mapping", "internal/rule", "internal/search", "internal/sequence", "internal/splunk", "internal/tables", "internal/tally",
		"internal/translate", "internal/translate/esql", "internal/translate/spl", "internal/window",
	},
	// Rules of every format as one set.
	"internal/catalog": {"internal/diag", "internal/escu", "internal/fieldmap", "internal/folder", "internal/query", "internal/rule"},
	"internal/alert":   {"internal/event", "internal/mapping", "internal/rule"},
	"internal/pipeline": {
		"internal/alert", "internal/batch", "internal/diag", "internal/event", "internal/failure", "internal/indexname", "internal/ledger",
		"internal/mapping", "internal/planner", "internal/query", "internal/rule", "internal/search", "internal/suppress",
		"internal/tables", "internal/window",
	},

	// Many searches answered together: how, and in which way. They know requests, and no rules.
	"internal/batch":   {"internal/condition", "internal/event", "internal/failure", "internal/invariants", "internal/mapping", "internal/search", "internal/window"},
	"internal/planner": {"internal/batch", "internal/failure", "internal/mapping", "internal/search"},

	// What has been covered: slots, and nothing of what runs in them.
	"internal/ledger":           nil,
	"internal/ledger/storetest": {"internal/ledger"}, // for the tests of stores
	"internal/catchup":          {"internal/ledger", "internal/window"},

	// Times that are past: rules over the slots of a range.
	"internal/backfill": {
		"internal/alert", "internal/batch", "internal/catchup", "internal/event", "internal/ledger", "internal/pipeline", "internal/query",
		"internal/scheduler", "internal/window",
	},
	// Runners among each other, and nothing of what they run.
	"internal/lease": nil,

	// How late events come.
	"internal/lag":      {"internal/condition", "internal/event", "internal/indexname", "internal/mapping", "internal/search", "internal/window"},
	"internal/coverage": {"internal/ledger"}, // what people are told of it

	// From when on a slot may be run: clocks and waits, and nothing of what runs.
	"internal/settle": nil,

	// When which slot of which rule is run here. It knows nothing of where events and alerts are.
	"internal/service": {
		"internal/catchup", "internal/condition", "internal/lag", "internal/ledger", "internal/pipeline", "internal/query",
		"internal/scheduler", "internal/search", "internal/tally", "internal/window",
	},

	// The places of events and alerts. They answer searches; what a rule or a language is, they do
	// not know, and they do not know each other.
	"internal/elastic": {
		"internal/alert", "internal/condition", "internal/event", "internal/failure", "internal/indexname", "internal/lease", "internal/ledger",
		"internal/mapping", "internal/search", "internal/series", "internal/tables", "internal/window",
	},
	"internal/store": {
		"internal/alert", "internal/condition", "internal/diag", "internal/event", "internal/failure", "internal/indexname", "internal/ledger",
		"internal/mapping", "internal/search", "internal/tables",
	},

	// What a command is made of.
	"internal/config":  {"internal/diag", "internal/tomltree"},
	"internal/report":  {"internal/diag"},
	"internal/server":  nil,
	"internal/metrics": {"internal/failure", "internal/pipeline", "internal/planner", "internal/scheduler", "internal/service"},
	"internal/ruletest": {
		"internal/alert", "internal/catalog", "internal/condition", "internal/diag", "internal/event", "internal/folder", "internal/mapping",
		"internal/pipeline", "internal/query", "internal/rule", "internal/search", "internal/store", "internal/tables", "internal/tomltree",
	},
	// Events that are made up, for benchmarks and tests.
	"internal/eventgen": nil,
	// Indices that differ, with documents and rules, likewise.
	"internal/indexgen": nil,

	// Cases with expected results, for the tests of several packages.
	"internal/conformance": {
		"internal/condition", "internal/diag", "internal/event", "internal/mapping", "internal/query", "internal/rule", "internal/search",
		"internal/window",
	},

	"rules":       nil,
	"cmd/runner":  {everything},
	"integration": nil,

	// Files in, a table out: it knows the programs that it compares by their command lines.
	"tools/bench-sigma": nil,
}

// everything stands for all packages. Only the command may say so.
const everything = "…"

// edges are packages that few may import, with those few; tests may import any.
var edges = map[string][]string{
	"internal/conformance": nil,
	"internal/eventgen":    nil,
	"internal/indexgen":    nil,

	"internal/config":  {"cmd/runner"},
	"internal/metrics": {"cmd/runner"},
	"internal/server":  {"cmd/runner"},
	"internal/report":  {"cmd/runner"},
	"internal/elastic": {"cmd/runner"},
	"internal/store":   {"cmd/runner", "internal/ruletest"},
}

// libraries are those that stand behind one package: the rest of the program must not depend on
// which one it is.
var libraries = map[string][]string{
	"github.com/elastic/":           {"internal/elastic"},
	"go.etcd.io/bbolt":              {"internal/store"},
	"github.com/prometheus/":        {"internal/metrics"},
	"github.com/alecthomas/kong":    {"cmd/runner"},
	"github.com/vbauerster/mpb":     {"cmd/runner"},
	"github.com/lmittmann/tint":     {"cmd/runner"},
	"github.com/robfig/cron":        {"internal/scheduler"},
	"github.com/pelletier/go-toml/": {"internal/tomltree"},
	"go.yaml.in/yaml":               {"internal/escu"},
	"github.com/dlclark/regexp2/v2": {"internal/pcre"},
	"github.com/oschwald/maxminddb": {"internal/geoip"},
}

// banned are libraries that not even tests import.
var banned = []string{
	"github.com/stretchr/testify", "github.com/onsi", "gotest.tools", "github.com/matryer/is", "github.com/frankban/quicktest",
	"go.uber.org/mock", "github.com/golang/mock", "github.com/vektra/mockery", "github.com/pkg/errors",
}

// vague are names that say nothing of what a package is for.
var vague = []string{"util", "utils", "common", "helper", "helpers", "manager", "base", "misc", "shared", "types"}

// pkg is what of `go list -json` is looked at.
type pkg struct {
	ImportPath, Dir, Name     string
	GoFiles                   []string
	IgnoredGoFiles            []string
	Imports                   []string
	TestImports, XTestImports []string
}

// name is the path behind the module's name.
func (p pkg) name() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

// own returns those of imports that are of this module.
func own(imports []string) []string {
	var names []string
	for _, i := range imports {
		if name, ok := strings.CutPrefix(i, module+"/"); ok {
			names = append(names, name)
		}
	}
	return names
}

// below reports whether a package is one of names or inside one.
func below(name string, names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return name == n || strings.HasPrefix(name, n+"/") })
}

var listPackages = sync.OnceValues(func() ([]pkg, error) {
	// The build tag brings the integration tests' imports in.
	command := exec.Command("go", "list", "-json", "-tags", "integration", module+"/...")
	output, err := command.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			err = errors.New(string(exit.Stderr))
		}
		return nil, err
	}
	var list []pkg
	for dec := json.NewDecoder(bytes.NewReader(output)); ; {
		var p pkg
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return list, nil
		case err != nil:
			return nil, err
		}
		list = append(list, p)
	}
})

func packages(t *testing.T) []pkg {
	t.Helper()
	list, err := listPackages()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	if len(list) == 0 {
		t.Fatal("go list names no package")
	}
	return slices.DeleteFunc(slices.Clone(list), func(p pkg) bool {
		return len(p.GoFiles)+len(p.IgnoredGoFiles) == 0 // Nothing but tests, as here.
	})
}

func TestImports(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range packages(t) {
		may, known := allowed[p.name()]
		seen[p.name()] = true
		if !known {
			t.Errorf("%s is not in the table of imports: add it, with what it has to know", p.name())
			continue
		}
		for _, i := range own(p.Imports) {
			if !slices.Contains(may, i) && !slices.Contains(may, everything) {
				t.Errorf("%s imports %s, which the table does not allow", p.name(), i)
			}
			if few, narrow := edges[i]; narrow && !slices.Contains(few, p.name()) {
				t.Errorf("%s imports %s, which only %v may", p.name(), i, few)
			}
		}
	}
	for name := range allowed {
		if !seen[name] {
			t.Errorf("%s is in the table of imports and does not exist", name)
		}
	}
}

// TestTable finds what the table allows and nobody needs, so that it stays the truth.
func TestTable(t *testing.T) {
	for _, p := range packages(t) {
		for _, i := range allowed[p.name()] {
			if i != everything && !slices.Contains(p.Imports, module+"/"+i) {
				t.Errorf("%s does not import %s: take it from the table", p.name(), i)
			}
		}
	}
}

func TestLibraries(t *testing.T) {
	for _, p := range packages(t) {
		for _, i := range p.Imports {
			for library, users := range libraries {
				if strings.HasPrefix(i, library) && !below(p.name(), users) {
					t.Errorf("%s imports %s, which only %v may", p.name(), i, users)
				}
			}
		}
		for _, i := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			for _, b := range banned {
				if strings.HasPrefix(i, b) {
					t.Errorf("%s imports %s", p.name(), i)
				}
			}
		}
	}
}

func TestNames(t *testing.T) {
	for _, p := range packages(t) {
		for part := range strings.SplitSeq(p.name(), "/") {
			if slices.Contains(vague, part) {
				t.Errorf("the name of %s says nothing of what it is for", p.name())
			}
		}
		if p.Name != "main" && p.Name != path.Base(p.ImportPath) {
			t.Errorf("package %s is in %s", p.Name, p.name())
		}
	}
}

// TestDocumented wants one comment for each package, that begins as godoc shows it.
func TestDocumented(t *testing.T) {
	for _, p := range packages(t) {
		var comments []string
		for _, file := range p.GoFiles {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, file), nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			if f.Doc != nil {
				comments = append(comments, f.Doc.Text())
			}
		}
		if len(comments) != 1 {
			t.Errorf("%s has %d package comments", p.name(), len(comments))
			continue
		}
		begin := "Package " + p.Name + " "
		if p.Name == "main" {
			begin = "Command " + path.Base(p.ImportPath) + " "
		}
		if !strings.HasPrefix(comments[0], begin) {
			t.Errorf("the comment of %s begins %.40q, not %q", p.name(), comments[0], begin)
		}
	}
}

const (
	maxLines  = 800
	maxMedian = 200
)

// TestSizes keeps files short enough to be read in one go.
func TestSizes(t *testing.T) {
	var sizes []int
	for _, p := range packages(t) {
		for _, file := range slices.Concat(p.GoFiles, p.IgnoredGoFiles) {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			n := lines(t, filepath.Join(p.Dir, file))
			sizes = append(sizes, n)
			if n > maxLines {
				t.Errorf("%s/%s has %d lines, more than %d", p.name(), file, n, maxLines)
			}
		}
	}
	slices.Sort(sizes)
	if median := sizes[len(sizes)/2]; median > maxMedian {
		t.Errorf("half of the %d files have %d lines or more, over %d", len(sizes), median, maxMedian)
	}
}

func lines(t *testing.T, file string) int {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(content, []byte("\n"))
}
