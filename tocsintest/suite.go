package tocsintest

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// DefaultMapping is the mapping of indices without their own: texts are keywords, and fields named ip are addresses, as most fields of
// the Elastic Common Schema are.
const DefaultMapping = `{
  "dynamic_templates": [
    {"addresses": {"match": "ip", "match_mapping_type": "string", "mapping": {"type": "ip"}}},
    {"texts": {"match_mapping_type": "string", "mapping": {"type": "keyword", "ignore_above": 1024}}}
  ],
  "properties": {"@timestamp": {"type": "date"}, "event": {"properties": {"ingested": {"type": "date"}}}}
}`

// Options say what a suite runs; the zero value runs the shipped rules.
type Options struct {
	// Rules are files and directories with rules of any format; without any, the rules that are shipped with Tocsin.
	Rules []string
	// Node is where the suite runs, by default SharedNode. NewEmbedded does not use it.
	Node *Node
	// Mapping is that of every index without its own, by default DefaultMapping.
	Mapping string
	// Flags are further flags of the command, such as "--strategy=search".
	Flags []string
	// RulesMayFail has RunAt return executions that failed, which otherwise fail the test.
	RulesMayFail bool
	// Runner is the command, by default what Runner returns.
	Runner string
}

// A Suite is a place of one test: its events, its rules, and the alerts that they make. It is for one goroutine.
type Suite struct {
	t           testing.TB
	options     Options
	runner      string
	environment []string
	loaded      int
	notify      []string // flags

	// On a node: the namespace of the alerts, and the indices that the suite made.
	node      *Node
	namespace string
	made      map[string]bool
	madeMu    sync.Mutex

	// Embedded: the folder of the store, of the events and of their mapping.
	dir      string
	mappings map[string]json.RawMessage
}

// New returns a suite on a node. What it makes there is removed at the end of the test.
func New(tb testing.TB, o Options) *Suite {
	tb.Helper()
	s := newSuite(tb, o)
	if s.node = o.Node; s.node == nil {
		s.node = SharedNode(tb)
	}
	s.namespace = "tocsintest-" + strings.ToLower(rand.Text()[:12])
	s.made = map[string]bool{}
	if s.node.Password != "" {
		s.environment = append(s.environment, "TOCSIN_USERNAME="+s.node.Username, "TOCSIN_PASSWORD="+s.node.Password)
	}
	if s.node.APIKey != "" {
		s.environment = append(s.environment, "TOCSIN_API_KEY="+s.node.APIKey)
	}
	cleared := sync.OnceFunc(func() { s.clear(context.WithoutCancel(tb.Context())) })
	tb.Cleanup(cleared)
	AtEnd(cleared) // when the tests are interrupted, no clean-up of a test runs
	return s
}

// NewEmbedded returns a suite over events in a file, with an embedded store. Rules whose searches only Elasticsearch can answer,
// such as those in ES|QL, fail there.
func NewEmbedded(tb testing.TB, o Options) *Suite {
	tb.Helper()
	s := newSuite(tb, o)
	s.dir = tb.TempDir()
	s.mappings = map[string]json.RawMessage{"*": json.RawMessage(s.mapping())}
	s.append("events.ndjson", nil)
	return s
}

func newSuite(tb testing.TB, o Options) *Suite {
	tb.Helper()
	s := &Suite{t: tb, options: o, runner: o.Runner}
	if s.runner == "" {
		s.runner = Runner(tb)
	}
	if !json.Valid([]byte(s.mapping())) {
		tb.Fatal("Options.Mapping is not JSON")
	}
	return s
}

func (s *Suite) mapping() string { return cmp.Or(s.options.Mapping, DefaultMapping) }

// place returns the flags that name the node or the store.
func (s *Suite) place() []string {
	if s.node != nil {
		return []string{"--elasticsearch", s.node.URL, "--namespace", s.namespace}
	}
	return []string{"--store", filepath.Join(s.dir, "store")}
}

// events returns the flags that name the events of an embedded suite.
func (s *Suite) events() []string {
	if s.node != nil {
		return nil
	}
	type one struct {
		Mappings json.RawMessage `json:"mappings"`
	}
	all := map[string]one{}
	for index, mapping := range s.mappings {
		all[index] = one{mapping}
	}
	text, err := json.Marshal(all)
	if err != nil {
		s.t.Fatalf("write the mappings: %v", err)
	}
	file := filepath.Join(s.dir, "mapping.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return []string{"--events", filepath.Join(s.dir, "events.ndjson"), "--mapping", file}
}

// rules returns the flags that name the rules.
func (s *Suite) rules() []string {
	var flags []string
	for _, path := range s.options.Rules {
		flags = append(flags, "--rules", path)
	}
	return append(flags, s.options.Flags...)
}

// nextID returns the id of an event without its own: 1, 2 and so on, in the order of loading.
func (s *Suite) nextID() string {
	s.loaded++
	return strconv.Itoa(s.loaded)
}

// append adds to a file of an embedded suite.
func (s *Suite) append(name string, data []byte) {
	s.t.Helper()
	f, err := os.OpenFile(filepath.Join(s.dir, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	_, err = f.Write(data)
	if end := f.Close(); err == nil {
		err = end
	}
	if err != nil {
		s.t.Fatal(err)
	}
}
