//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/backend/store"
	"tocsin/internal/fieldmap"
	"tocsin/internal/query/splrule"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/splunk/escu"
	"tocsin/internal/splunk/pushdown"
)

// corpusTime is the time of the test's events, with a window of an hour around it.
var corpusTime = time.Date(2026, 1, 15, 11, 30, 0, 0, time.UTC)

// TestSplunkCorpusRuns runs every valid detection of the public content on a real engine, over indices with the
// fields of its data sources and an index with ECS events. The content is not part of this repository.
// TOCSIN_CORPUS=N takes every Nth detection.
func TestSplunkCorpusRuns(t *testing.T) {
	for _, name := range []string{"escu", "escu2026"} {
		t.Run(name, func(t *testing.T) { runCorpus(t, "../../shared/corpus/"+name) })
	}
}

func runCorpus(t *testing.T, root string) {
	t.Helper()
	if _, err := os.Stat(root); err != nil {
		t.Skip("the corpus is not here")
	}
	library, _, err := escu.Load(t.Context(), os.DirFS(root), "detections", "macros", "lookups", "data_sources")
	must(t, err)
	node := newNode(t)
	client, err := elastic.New(elastic.Config{URLs: []string{node.URL}})
	must(t, err)
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	places := corpusIndices(t, node, library)
	data := fieldmap.Default()
	data.Sources = slices.Clone(data.Sources)
	for i := range data.Sources {
		data.Sources[i].Index = nil // other tests use these indices
	}
	m, diags := pushdown.NewMap(data.In("Risk", node.Name("ecs")))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	slot := corpusTime.Add(40 * time.Minute)
	alerts, risk := store.NewMemory(), store.NewMemory()
	moment, err := client.Snapshot(t.Context())
	must(t, err)
	p := &pipeline.Pipeline{Events: moment, Alerts: alerts, Instances: alerts, Risk: &pipeline.Risk{Indexer: risk, Instances: risk}}
	every := 1
	_, _ = fmt.Sscan(os.Getenv("TOCSIN_CORPUS"), &every)
	ran, valid, read := 0, 0, int64(0)
	var hits int64
	for i, d := range library.Detections {
		search, _ := library.Parse(d, library.Env())
		if search == nil || i%max(1, every) != 0 {
			continue
		}
		valid++
		index := []string{node.Name("ecs")}
		for _, name := range sourcesOf(d) {
			if there, ok := places[name]; ok && !slices.Contains(index, there) {
				index = append(index, there)
			}
		}
		plan, diags := splrule.New(splrule.Input{Rule: d.Rule(), Detection: d, Search: search, Env: library.Env(), Map: m, Index: index})
		if plan == nil {
			t.Errorf("%s: %v", d.Path, diags)
			continue
		}
		x := p.Run(t.Context(), pipeline.Job{Plan: plan, Slot: slot, Window: plan.Rule().Window(slot)})
		if x.Status != pipeline.Succeeded {
			t.Errorf("%s: %s: %s", d.Path, x.Status, x.Problem())
			continue
		}
		ran, read, hits = ran+1, read+x.Read, hits+x.Hits
	}
	t.Logf("%d of %d valid detections ran over %d data sources, read %d events and found %d rows", ran, valid, len(places), read, hits)
	if valid*max(1, every)*10 < len(library.Detections)*9 || read == 0 || hits == 0 {
		t.Errorf("%d ran, %d read, %d found: are there events?", ran, read, hits)
	}
}

func sourcesOf(d *escu.Detection) []string {
	var out []string
	for _, names := range d.DataSources {
		for name := range strings.SplitSeq(names, " AND ") {
			out = append(out, strings.TrimSpace(name))
		}
	}
	return out
}

// corpusIndex is an index for data sources with compatible fields. One index for each source would take minutes to
// create.
type corpusIndex struct {
	name   string
	fields map[string]bool
}

// takes reports whether no field is an object in one of the two and a value in the other.
func (x corpusIndex) takes(fields []string) bool {
	for _, f := range fields {
		for at := strings.LastIndexByte(f, '.'); at > 0; at = strings.LastIndexByte(f[:at], '.') {
			if x.fields[f[:at]] {
				return false
			}
		}
		for have := range x.fields {
			if strings.HasPrefix(have, f+".") {
				return false
			}
		}
	}
	return len(x.fields) < 2000
}

// corpusIndices creates indices for the data sources of detections, and one in ECS.
func corpusIndices(t *testing.T, node *Node, l *escu.Library) map[string]string {
	t.Helper()
	places := map[string]string{}
	var indices []corpusIndex
	var bulk strings.Builder
	add := func(index string, source object) {
		line, err := json.Marshal(source)
		must(t, err)
		fmt.Fprintf(&bulk, "{\"create\":{\"_index\":%q}}\n%s\n", index, line)
	}
	for _, d := range l.Detections {
		for _, name := range sourcesOf(d) {
			s := l.Sources[name]
			if s == nil || places[name] != "" {
				continue
			}
			fields := append(fieldsOf(s), "source", "sourcetype")
			at := slices.IndexFunc(indices, func(x corpusIndex) bool { return x.takes(fields) })
			if at < 0 {
				at = len(indices)
				indices = append(indices, corpusIndex{node.Name(fmt.Sprintf("ds-%d", at)), map[string]bool{}})
			}
			places[name] = indices[at].name
			source := object{}
			for _, f := range fields {
				indices[at].fields[f] = true
				source[f] = "1"
			}
			source["@timestamp"], source["sourcetype"], source["source"] = corpusTime.Format(time.RFC3339), s.SourceType, s.Source
			add(places[name], source)
		}
	}
	settings := object{"number_of_replicas": 0, "number_of_shards": 1, "index.mapping.total_fields.limit": 8000}
	for _, x := range indices {
		properties := object{"@timestamp": object{"type": "date"}}
		for f := range x.fields {
			properties[f] = object{"type": "keyword"}
		}
		node.Must(t, "PUT", "/"+x.name, object{"settings": settings, "mappings": object{"dynamic": false, "properties": properties}})
	}
	ecs := node.Name("ecs")
	node.Must(t, "PUT", "/"+ecs, object{"settings": settings, "mappings": object{"dynamic_templates": []object{
		{"texts": object{"match_mapping_type": "string", "mapping": object{"type": "keyword"}}},
	}}})
	for i, category := range []string{"process", "file", "network", "registry", "authentication", "web", "iam", "configuration"} {
		add(ecs, object{
			"@timestamp": corpusTime.Add(time.Duration(i) * time.Second).Format(time.RFC3339),
			"event":      object{"category": category, "type": "start", "action": "created", "outcome": "success", "code": "1", "dataset": "risk.event", "kind": "signal"},
			"host":       object{"name": "h"}, "user": object{"name": "u", "id": "0"},
			"process":  object{"name": "cmd.exe", "pid": 1, "command_line": "cmd.exe /c x", "executable": `C:\cmd.exe`, "entity_id": "e", "parent": object{"name": "p.exe", "pid": 2, "command_line": "p"}},
			"file":     object{"name": "a.exe", "path": `C:\a.exe`},
			"registry": object{"path": `HKLM\a\b`, "key": "a", "value": "b"},
			"source":   object{"ip": "10.0.0.1"}, "destination": object{"ip": "10.0.0.2", "port": 445}, "url": object{"full": "https://a/b"},
			"risk":   object{"object": "h", "normalized_object": "h", "object_type": "system", "score": 10, "calculated_score": 10},
			"splunk": object{"source": "x", "annotations": object{"mitre_tactic": []string{"execution"}}},
			"threat": object{"tactic": object{"id": "TA0002"}},
		})
	}
	node.Bulk(t, bulk.String())
	node.Refresh(t, node.Name("*"))
	return places
}

// fieldsOf returns the fields of a source in the form of an index: arrays without {}, and no values for objects.
func fieldsOf(s *escu.DataSource) []string {
	var names []string
	for _, f := range s.Fields {
		f = strings.Trim(strings.ReplaceAll(f, "{}", ""), ". ")
		if f != "" && !strings.HasPrefix(f, "_") && !strings.Contains(f, "..") && !strings.ContainsAny(f, "*{}") {
			names = append(names, f)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return slices.DeleteFunc(slices.Clone(names), func(f string) bool {
		return f == "@timestamp" || f == "source" || f == "sourcetype" || strings.HasPrefix(f, "source.") || slices.ContainsFunc(names, func(other string) bool { return strings.HasPrefix(other, f+".") })
	})
}
