package enrich_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/alert/enrich"
	"tocsin/internal/diag"
	"tocsin/internal/match/event"
)

type object = map[string]any

// loaded is an enricher whose sources were tried once.
func loaded(t *testing.T, config string, o enrich.Options) *enrich.Enricher {
	t.Helper()
	c, diags := enrich.Load(diag.NewText("enrichment.toml", config))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	e := enrich.New(c, o)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { e.Run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })
	if !e.Ready(t.Context()) {
		t.Fatal("it is not ready")
	}
	return e
}

func file(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "table.csv")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

const hosts = "name,owner,site,level\nweb-1,ann,\"Berlin, 2nd\",high\nweb-2,bob,,\nweb-1,second,x,y\n\"a \"\"quoted\"\" host\",cid,there,low\nshort\n"

func table(name, more string) string {
	return fmt.Sprintf("[[table]]\nname = \"hosts\"\nfile = %q\nkey = \"name\"\nfields = [\"host.name\", \"host.hostname\"]\n%s\n", name, more) +
		"[table.add]\n\"tocsin.enrichment.owner\" = \"owner\"\n\"labels.site\" = \"site\"\nhost.asset.criticality = \"level\"\n"
}

func TestTable(t *testing.T) {
	for name, test := range map[string]struct {
		content, more string
		source        object
		want          string
	}{
		"found":               {hosts, "", object{"host": object{"name": "web-1"}}, "owner=ann site=Berlin, 2nd level=high"},
		"empty cells":         {hosts, "", object{"host.name": "web-2"}, "owner=bob site= level="},
		"the second field":    {hosts, "", object{"host": object{"name": "x", "hostname": "web-2"}}, "owner=bob site= level="},
		"one of many values":  {hosts, "", object{"host": object{"name": []any{"x", "web-2"}}}, "owner=bob site= level="},
		"quotes":              {hosts, "", object{"host.name": `a "quoted" host`}, "owner=cid site=there level=low"},
		"a short line":        {hosts, "", object{"host.name": "short"}, "owner= site= level="},
		"case matters":        {hosts, "", object{"host.name": "WEB-1"}, "owner= site= level="},
		"case does not":       {hosts, "ignore-case = true", object{"host.name": "WEB-1"}, "owner=ann site=Berlin, 2nd level=high"},
		"a mark and spaces":   {"\xef\xbb\xbfname, owner ,site,level\n web-1 ,ann,s,l\n", "", object{"host.name": "web-1"}, "owner=ann site=s level=l"},
		"values of the event": {hosts, "", object{"host": object{"name": "web-1", "asset": object{"criticality": "of the event"}}, "labels.site": "kept"}, "owner=ann site=kept level=of the event"},
		"for another rule":    {hosts, "rules = [\"Other*\"]", object{"host.name": "web-1"}, "owner= site= level="},
		"for this rule":       {hosts, "rules = [\"shell*\"]", object{"host.name": "web-1"}, "owner=ann site=Berlin, 2nd level=high"},
		"for its tag":         {hosts, "rules = [\"x\"]\ntags = [\"Domain: *\"]", object{"host.name": "web-1"}, "owner=ann site=Berlin, 2nd level=high"},
		"columns in between":  {"site,level,unused,owner,name\ns,l,u,o,h\n", "", object{"host.name": "h"}, "owner=o site=s level=l"},
	} {
		t.Run(name, func(t *testing.T) {
			e := loaded(t, table(file(t, test.content), test.more), enrich.Options{Failed: func(_ string, err error) { t.Error(err) }})
			docs := []alert.Document{{ID: "a", Source: test.source}}
			e.Enrich("r1", "Shell", []string{"Domain: Endpoint"}, docs)
			got := fmt.Sprintf("owner=%s site=%s level=%s", event.First(docs[0].Source, "tocsin.enrichment.owner"), event.First(docs[0].Source, "labels.site"), event.First(docs[0].Source, "host.asset.criticality"))
			if d := cmp.Diff(test.want, got); d != "" || docs[0].Source[alert.UnenrichedField] != nil {
				t.Error(d, docs[0].Source)
			}
		})
	}
}

// TestUnavailable: what cannot be loaded is named in the alert and counted, holds nothing up, and is there as soon as it can be.
func TestUnavailable(t *testing.T) {
	for name, content := range map[string]string{"missing": "", "no such column": "name,owner\na,b\n", "empty": " ", "broken": "name,owner,site,level\n\"a,b\n"} {
		t.Run(name, func(t *testing.T) {
			at := filepath.Join(t.TempDir(), "table.csv")
			if content != "" {
				if err := os.WriteFile(at, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var mu sync.Mutex
			var failures []string
			outcomes := map[enrich.Outcome]int{}
			e := loaded(t, "refresh = \"1s\"\n"+table(at, ""), enrich.Options{Failed: func(source string, err error) {
				mu.Lock()
				defer mu.Unlock()
				failures = append(failures, source+": "+err.Error())
			}})
			e.Observe = func(_ string, o enrich.Outcome) { outcomes[o]++ }
			one := func() object {
				docs := []alert.Document{{ID: "a", Source: object{"host.name": "web-1"}}}
				e.Enrich("r", "R", nil, docs)
				return docs[0].Source
			}
			if d := cmp.Diff(object{"host.name": "web-1", alert.UnenrichedField: []string{"hosts"}}, one()); d != "" {
				t.Error(d)
			}
			mu.Lock()
			if len(failures) == 0 || !strings.HasPrefix(failures[0], "hosts: ") {
				t.Error(failures)
			}
			mu.Unlock()
			if err := os.WriteFile(at, []byte(hosts), 0o600); err != nil {
				t.Fatal(err)
			}
			for end := time.Now().Add(20 * time.Second); event.First(one(), "tocsin.enrichment.owner") != "ann"; {
				if time.Now().After(end) {
					t.Fatal("it was not loaded later")
				}
				time.Sleep(50 * time.Millisecond) // files are looked at in real time
			}
			if outcomes[enrich.Unavailable] == 0 || outcomes[enrich.Added] != 1 {
				t.Error(outcomes)
			}
		})
	}
}

// TestReload: a changed file replaces what was loaded; a file that is gone or broken does not.
func TestReload(t *testing.T) {
	at := file(t, "name,owner,site,level\nweb-1,first,,\n")
	var mu sync.Mutex
	failed := 0
	e := loaded(t, "refresh = \"1s\"\n"+table(at, ""), enrich.Options{Failed: func(string, error) { mu.Lock(); failed++; mu.Unlock() }})
	owner := func() string {
		docs := []alert.Document{{ID: "a", Source: object{"host.name": "web-1"}}}
		e.Enrich("r", "R", nil, docs)
		if docs[0].Source[alert.UnenrichedField] != nil {
			t.Error("it is marked")
		}
		return event.First(docs[0].Source, "tocsin.enrichment.owner")
	}
	wait := func(what string, is func() bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !is(); {
			if time.Now().After(end) {
				t.Fatal(what)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	if owner() != "first" {
		t.Fatal(owner())
	}
	if err := os.WriteFile(at, []byte("name,owner,site,level\nweb-1,second,,\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wait("it was not loaded again", func() bool { return owner() == "second" })
	failures := func() int { mu.Lock(); defer mu.Unlock(); return failed }
	for _, spoil := range []func() error{func() error { return os.WriteFile(at, []byte("nothing\n"), 0o600) }, func() error { return os.Remove(at) }} {
		before := failures()
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		wait("nobody was told", func() bool { return failures() > before })
		if owner() != "second" {
			t.Error("what was loaded is lost")
		}
	}
}

// addresses is a database of one network; it crashes on one address.
type addresses struct{}

func (addresses) Fields(address string) map[string]any {
	switch {
	case address == "192.0.2.66":
		panic("crash")
	case strings.HasPrefix(address, "192.0.2."):
		return object{"geo.city_name": "Springfield", "geo.country_iso_code": "XX", "geo.location": object{"lat": 1.5, "lon": 2.0}, "as.number": uint64(64500), "as.organization.name": "Example"}
	}
	return nil
}

func TestPlaces(t *testing.T) {
	e := loaded(t, "[[database]]\nname = \"geo\"\nfile = \"x\"\nfields = [\"source.ip\", \"host.ip\"]", enrich.Options{Open: func(string) (enrich.Addresses, error) { return addresses{}, nil }})
	for name, test := range map[string]struct {
		source object
		want   string
	}{
		"all of it":           {object{"source": object{"ip": "192.0.2.1"}}, "Springfield XX 1.5 64500 Example"},
		"unknown":             {object{"source.ip": "10.0.0.1"}, "    "},
		"the first that is":   {object{"source.ip": []any{"10.0.0.1", "192.0.2.1"}}, "Springfield XX 1.5 64500 Example"},
		"a place, no network": {object{"source": object{"ip": "192.0.2.1", "as": object{"number": 1}}}, "Springfield XX 1.5 1 "},
		"a network, no place": {object{"source.ip": "192.0.2.1", "source.geo.country_name": "Elsewhere"}, "   64500 Example"},
		"beside a list":       {object{"source": []any{object{"ip": "192.0.2.1"}, object{"ip": "10.0.0.1"}}}, "Springfield XX 1.5 64500 Example"},
		"not an address":      {object{"source.ip": "host"}, "    "},
		"it crashes":          {object{"source.ip": "192.0.2.66"}, "    "},
	} {
		docs := []alert.Document{{ID: "a", Source: test.source}}
		e.Enrich("r", "R", nil, docs)
		var got []string
		for _, field := range []string{"source.geo.city_name", "source.geo.country_iso_code", "source.geo.location.lat", "source.as.number", "source.as.organization.name"} {
			got = append(got, strings.Trim(fmt.Sprint(event.Lookup(docs[0].Source, field)), "[]"))
		}
		if d := cmp.Diff(test.want, strings.Join(got, " ")); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if marked := docs[0].Source[alert.UnenrichedField] != nil; marked != (name == "it crashes") {
			t.Errorf("%s: marked %v", name, marked)
		}
	}
	docs := []alert.Document{{ID: "a", Source: object{"host": object{"ip": "192.0.2.1"}}}}
	e.Enrich("r", "R", nil, docs)
	if event.First(docs[0].Source, "host.geo.city_name") != "Springfield" || docs[0].Below("host.as") {
		t.Errorf("only fields of ECS are added: %v", docs[0].Source)
	}
}

// TestSlowIndex: an index that does not answer keeps the first alerts waiting as long as is configured, and no later one.
func TestSlowIndex(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, diags := enrich.Load(diag.NewText("e.toml", "wait = \"3s\"\n"+strings.Replace(table("x", ""), "file = \"x\"", "index = \"assets\"", 1)))
		if len(diags) > 0 {
			t.Fatal(diags)
		}
		answer := make(chan struct{})
		var failed error
		e := enrich.New(c, enrich.Options{
			Failed: func(_ string, err error) { failed = err },
			Rows: func(ctx context.Context, index string, columns []string, visit func(map[string][]string) error) error {
				if index != "assets" || !slices.Equal(columns, []string{"level", "name", "owner", "site"}) {
					t.Error(index, columns)
				}
				select {
				case <-answer:
				case <-ctx.Done():
					return ctx.Err()
				}
				return visit(map[string][]string{"name": {"web-1", "web-2"}, "owner": {"ann", "bob"}})
			},
		})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go e.Run(ctx)
		begun := time.Now()
		if e.Ready(t.Context()) || time.Since(begun) != 3*time.Second {
			t.Errorf("ready after %v", time.Since(begun))
		}
		one := func() alert.Document {
			docs := []alert.Document{{ID: "a", Source: object{"host.name": "web-2"}}}
			before := time.Now()
			e.Enrich("r", "R", nil, docs)
			if time.Since(before) != 0 {
				t.Error("an alert was held up")
			}
			return docs[0]
		}
		if d := one(); d.Source[alert.UnenrichedField] == nil {
			t.Error(d)
		}
		time.Sleep(5 * time.Minute) // the reading is given up, and tried again
		synctest.Wait()
		if !errors.Is(failed, context.DeadlineExceeded) {
			t.Error(failed)
		}
		close(answer)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if d := cmp.Diff([]any{"ann", "bob"}, event.Lookup(one().Source, "tocsin.enrichment.owner")); d != "" {
			t.Error(d)
		}
	})
}

// TestNeverReplaces: of generated tables and alerts, an alert has what it had, and of the first row of its key what it had not.
func TestNeverReplaces(t *testing.T) {
	fields := []string{"tocsin.enrichment.owner", "labels.site", "host.asset.criticality"}
	rapid.Check(t, func(rt *rapid.T) {
		keys := rapid.SampledFrom([]string{"a", "b", "c", "D"})
		cell := rapid.SampledFrom([]string{"", "x", "y,z", "q\"r", "Größe"})
		var content strings.Builder
		content.WriteString("name,owner,site,level\n")
		rows := map[string][]string{}
		for range rapid.IntRange(0, 6).Draw(rt, "rows") {
			row := []string{keys.Draw(rt, "key"), cell.Draw(rt, "owner"), cell.Draw(rt, "site"), cell.Draw(rt, "level")}
			if rows[row[0]] == nil {
				rows[row[0]] = row[1:]
			}
			for i, text := range row {
				if i > 0 {
					content.WriteByte(',')
				}
				content.WriteString(`"` + strings.ReplaceAll(text, `"`, `""`) + `"`)
			}
			content.WriteByte('\n')
		}
		e := loaded(t, table(file(t, content.String()), ""), enrich.Options{Failed: func(_ string, err error) { rt.Error(err) }})
		source := object{"n": 1}
		if key := rapid.SampledFrom([]string{"", "a", "b", "c", "D", "d"}).Draw(rt, "host"); key != "" {
			source["host.name"] = key
		}
		want := map[string]string{}
		for i, field := range fields {
			if rapid.IntRange(0, 2).Draw(rt, field) == 0 {
				source[field] = "kept"
			}
			if key, _ := source["host.name"].(string); rows[key] != nil {
				want[field] = rows[key][i]
			}
			if source[field] != nil {
				want[field] = "kept"
			}
		}
		docs := []alert.Document{{ID: "a", Source: source}}
		e.Enrich("r", "R", nil, docs)
		for _, field := range fields {
			if got := event.First(docs[0].Source, field); got != want[field] {
				rt.Fatalf("%s is %q, not %q, of\n%s", field, got, want[field], content.String())
			}
		}
		if docs[0].ID != "a" || docs[0].Source["n"] != 1 {
			rt.Fatal(docs[0])
		}
	})
}

func TestLoad(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"syntax":           {"[[table]\n", "e.toml:1:8: error: "},
		"no name":          {"[[database]]\nfile = \"x\"\n", "e.toml:1:1: error: database[0] has no name"},
		"twice":            {"[[database]]\nname = \"a\"\nfile = \"x\"\n[[database]]\nname = \"a\"\nfile = \"y\"", "e.toml:4:1: error: two sources are named a"},
		"no file":          {"[[database]]\nname = \"a\"\n", "e.toml:1:1: error: database[0] has no file"},
		"no place":         {"[[database]]\nname = \"a\"\nfile = \"x\"\nfields = [\"source.ip\", \"ip\"]", "e.toml:4:24: error: ip has no place in ECS"},
		"both":             {"[[table]]\nname = \"a\"\nfile = \"x\"\nindex = \"y\"\nkey = \"k\"", "e.toml:1:1: error: table[0] has either a file or an index"},
		"no key":           {"[[table]]\nname = \"a\"\nfile = \"x\"", "e.toml:1:1: error: table[0] has no key"},
		"no fields":        {"[[table]]\nname = \"a\"\nfile = \"x\"\nkey = \"k\"", "e.toml:1:1: error: table[0] has no fields"},
		"adds nothing":     {"[[table]]\nname = \"a\"\nfile = \"x\"\nkey = \"k\"\nfields = \"host.name\"", "e.toml:1:1: error: table[0] adds nothing"},
		"a field of ours":  {"[[table]]\nname = \"a\"\nfile = \"x\"\nkey = \"k\"\nfields = \"host.name\"\n[table.add]\n\"kibana.alert.severity\" = \"s\"", "e.toml:7:1: error: kibana.alert.severity is a field that alerts set"},
		"an unknown field": {"[[table]]\nname = \"a\"\nfile = \"x\"\nkey = \"k\"\nfields = \"host.name\"\nadd = { owner = \"s\" }", "e.toml:6:9: error: owner is no field of ECS"},
		"not a column":     {"[[table]]\nname = \"a\"\nfile = \"x\"\nkey = \"k\"\nfields = \"host.name\"\nadd = { labels.x = 1 }", "e.toml:6:20: error: labels.x must be the name of a column, not an integer"},
		"a wrong time":     {"refresh = \"soon\"", "e.toml:1:11: error: \"soon\" is no length of time"},
		"a short time":     {"refresh = \"1ms\"", "e.toml:1:11: error: \"1ms\" is no length of time from 1s"},
		"an unknown key":   {"refesh = \"1m\"", "e.toml:1:1: warning: unknown key refesh: did you mean refresh?"},
	} {
		_, diags := enrich.Load(diag.NewText("e.toml", test.text))
		got := ""
		if len(diags) > 0 {
			d := diags[0]
			got = fmt.Sprintf("%s:%d:%d: %s: %s", d.File, d.Line, d.Column, d.Severity, d.Message)
		}
		if !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
