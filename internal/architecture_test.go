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

// wing is a folder of packages, and the wings that they may import.
type wing struct {
	name string
	may  []string
}

// wings are the program from the ground up: data goes one way, from the rule to the alert, and a wing imports only
// wings that stand before it here. A new edge is a decision that has to be made, not an oversight to be repaired.
// Nothing below internal/run knows the time of day, nothing but cmd/runner knows flags, and only it knows what
// everything is made of.
var wings = []wing{
	{"internal/diag", nil},      // mistakes of users, failures of operations
	{"internal/scheduler", nil}, // slots and time
	{"internal/match", []string{"internal/diag", "internal/scheduler"}},                  // documents, and what is asked of them
	{"internal/ledger", []string{"internal/scheduler"}},                                  // what became of slots
	{"internal/rule", []string{"internal/diag", "internal/match", "internal/scheduler"}}, // the model and its loaders
	{"internal/search", []string{"internal/diag", "internal/match", "internal/scheduler"}},
	{"internal/alert", []string{"internal/diag", "internal/match", "internal/rule"}},
	{"internal/fieldmap", []string{"internal/diag"}},                                                          // what foreign field names mean
	{"internal/translate", []string{"internal/diag", "internal/fieldmap", "internal/match", "internal/rule"}}, // text to condition
	{"internal/sigma", []string{"internal/diag", "internal/fieldmap", "internal/match", "internal/rule", "internal/scheduler", "internal/translate"}},
	{"internal/splunk", []string{
		"internal/diag", "internal/fieldmap", "internal/match", "internal/rule", "internal/scheduler", "internal/search", "internal/translate",
	}},
	{"internal/notify", []string{"internal/diag"}}, // what people are told
	{"internal/query", []string{
		"internal/diag", "internal/match", "internal/rule", "internal/scheduler", "internal/search", "internal/splunk",
		"internal/translate",
	}},
	{"internal/lint", []string{"internal/diag", "internal/fieldmap", "internal/match", "internal/rule", "internal/translate"}}, // what is probably not meant
	{"internal/kibana", nil}, // what a Kibana imports
	{"internal/backend", []string{
		"internal/alert", "internal/diag", "internal/ledger", "internal/match", "internal/notify", "internal/scheduler", "internal/search",
	}},
	{"internal/run", []string{
		"internal/alert", "internal/diag", "internal/fieldmap", "internal/ledger", "internal/match", "internal/notify", "internal/query", "internal/rule",
		"internal/scheduler", "internal/search", "internal/sigma", "internal/splunk",
	}},
	{"internal/testkit", []string{"internal/backend", "internal/diag", "internal/match", "internal/query", "internal/rule", "internal/scheduler", "internal/search"}},
	{"rules", nil},
	{"cmd/runner", []string{
		"internal/alert", "internal/backend", "internal/diag", "internal/fieldmap", "internal/kibana", "internal/ledger", "internal/lint", "internal/match", "internal/notify", "internal/query",
		"internal/rule", "internal/run", "internal/scheduler", "internal/search", "internal/sigma", "internal/splunk", "internal/translate", "rules",
	}},
	{"tocsintest", nil}, // what suites of others import; it runs the command
	{"integration", nil},
	{"tools", []string{"internal/fieldmap"}},
}

// inside is what packages import of their own wing.
var inside = map[string][]string{
	"cmd/runner": {
		"cmd/runner/internal/api", "cmd/runner/internal/config", "cmd/runner/internal/geoip", "cmd/runner/internal/guard", "cmd/runner/internal/importing", "cmd/runner/internal/logs", "cmd/runner/internal/metrics", "cmd/runner/internal/page",
		"cmd/runner/internal/report", "cmd/runner/internal/ruletest", "cmd/runner/internal/server", "cmd/runner/internal/snapshot", "cmd/runner/internal/tracing",
	},
	"cmd/runner/internal/page":      {"cmd/runner/internal/api", "cmd/runner/internal/guard"},
	"cmd/runner/internal/sample":    {"cmd/runner/internal/api"},
	"internal/alert/enrich":         {"internal/alert"},
	"internal/alert/workflow":       {"internal/alert"},
	"internal/diag/failure":         {"internal/diag/invariants"},
	"internal/diag/tomltree":        {"internal/diag"},
	"internal/diag/yamltree":        {"internal/diag"},
	"internal/ledger/catchup":       {"internal/ledger"},
	"internal/ledger/coverage":      {"internal/ledger"},
	"internal/ledger/storetest":     {"internal/ledger"},
	"internal/match/condition":      {"internal/match/analysis", "internal/match/lregexp", "internal/match/mapping"},
	"internal/match/event":          {"internal/match/mapping"},
	"internal/match/indicator":      {"internal/match/condition", "internal/match/event", "internal/match/mapping"},
	"internal/notify/channel":       {"internal/notify"},
	"internal/notify/routes":        {"internal/notify", "internal/notify/channel"},
	"internal/notify/storetest":     {"internal/notify"},
	"internal/query/anomaly":        {"internal/query", "internal/query/binding", "internal/query/single"},
	"internal/query/binding":        {"internal/query"},
	"internal/query/correlating":    {"internal/query"},
	"internal/query/counting":       {"internal/query", "internal/query/binding"},
	"internal/query/esqlrule":       {"internal/query", "internal/query/binding"},
	"internal/query/plans":          {"internal/query", "internal/query/anomaly", "internal/query/binding", "internal/query/counting", "internal/query/esqlrule", "internal/query/single", "internal/query/steps", "internal/query/threatmatch"},
	"internal/query/single":         {"internal/query", "internal/query/binding"},
	"internal/query/splrule":        {"internal/query", "internal/query/binding"},
	"internal/query/steps":          {"internal/query", "internal/query/binding"},
	"internal/query/threatmatch":    {"internal/query", "internal/query/binding"},
	"internal/rule":                 {"internal/rule/folder"},
	"internal/rule/attack":          {"internal/rule"},
	"internal/run/backfill":         {"internal/run/pipeline"},
	"internal/run/health":           {"internal/run/pipeline"},
	"internal/run/hunt":             {"internal/run/backfill", "internal/run/pipeline"},
	"internal/run/service":          {"internal/run/pipeline"},
	"internal/scheduler/window":     {"internal/scheduler/datemath"},
	"internal/search/batch":         {"internal/search"},
	"internal/search/lag":           {"internal/search", "internal/search/indexname"},
	"internal/search/planner":       {"internal/search", "internal/search/batch"},
	"internal/search/tally":         {"internal/search"},
	"internal/splunk/escu":          {"internal/splunk"},
	"internal/splunk/pushdown":      {"internal/splunk"},
	"internal/translate":            {"internal/translate/eql", "internal/translate/kql", "internal/translate/lucene", "internal/translate/querydsl"},
	"internal/translate/membership": {"internal/translate/kql"},
	"internal/translate/querydsl":   {"internal/translate/lucene"},
}

// edges are packages that few may import, with those few; tests may import any.
var edges = map[string][]string{
	"internal/testkit":         nil,
	"internal/backend/elastic": {"cmd/runner"},
	"internal/backend/store":   {"cmd/runner", "cmd/runner/internal/ruletest", "internal/testkit"},
	// What Elasticsearch and event files have in common, neither has from the other; so have the ways to run rules.
	"internal/run": {"cmd/runner", "internal/run"},
	// What is made up must not get into the service.
	"cmd/runner/internal/sample": nil,
}

// libraries are those that stand behind one package: the rest of the program must not depend on
// which one it is.
var libraries = map[string][]string{
	"github.com/elastic/":           {"internal/backend/elastic"},
	"go.etcd.io/bbolt":              {"internal/backend/store"},
	"github.com/prometheus/":        {"cmd/runner/internal/metrics"},
	"go.opentelemetry.io/":          {"cmd/runner/internal/tracing"},
	"github.com/alecthomas/kong":    {"cmd/runner"},
	"github.com/vbauerster/mpb":     {"cmd/runner"},
	"github.com/lmittmann/tint":     {"cmd/runner"},
	"github.com/robfig/cron":        {"internal/scheduler"},
	"github.com/pelletier/go-toml/": {"internal/diag/tomltree"},
	"go.yaml.in/yaml":               {"internal/diag/yamltree", "internal/splunk/escu"},
	"github.com/dlclark/regexp2/v2": {"internal/match/pcre"},
	"github.com/oschwald/maxminddb": {"cmd/runner/internal/geoip"},
	"github.com/bmatcuk/doublestar": {"internal/sigma"},
	"github.com/testcontainers/":    {"tocsintest"},
	"github.com/nicholas-fedor/":    {"internal/notify/channel"},
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

// wingOf returns the wing that a package is in, nil where it is in none.
func wingOf(name string) *wing {
	for i := range wings {
		if below(name, []string{wings[i].name}) {
			return &wings[i]
		}
	}
	return nil
}

// TestWings: a wing imports what stands before it only, so that there is a way to read the program from the ground up.
func TestWings(t *testing.T) {
	before := map[string]bool{}
	for _, w := range wings {
		for _, i := range w.may {
			if !before[i] {
				t.Errorf("%s may import %s, which does not stand before it", w.name, i)
			}
		}
		before[w.name] = true
	}
}

func TestImports(t *testing.T) {
	used := map[string]map[string]bool{} // by wing and by package
	for _, p := range packages(t) {
		w := wingOf(p.name())
		if w == nil {
			t.Errorf("%s is in no wing: find it one, or make one", p.name())
			continue
		}
		for _, i := range own(p.Imports) {
			other, from, may := wingOf(i), w.name, w.may
			to := "?"
			if other != nil {
				to = other.name
			}
			if other == w {
				from, to, may = p.name(), i, inside[p.name()]
			}
			if used[from] == nil {
				used[from] = map[string]bool{}
			}
			used[from][to] = true
			if !slices.Contains(may, to) {
				t.Errorf("%s imports %s, which the tables do not allow", p.name(), i)
			}
			for name, few := range edges {
				if below(i, []string{name}) && !below(i, []string{p.name()}) && !below(p.name(), few) {
					t.Errorf("%s imports %s, which only %v may", p.name(), i, few)
				}
			}
		}
	}
	unused := func(from string, may []string) {
		for _, to := range may {
			if !used[from][to] {
				t.Errorf("%s does not import %s: take it from the table", from, to)
			}
		}
	}
	for _, w := range wings {
		unused(w.name, w.may)
	}
	for name, may := range inside {
		unused(name, may)
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
