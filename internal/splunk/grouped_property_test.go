package splunk_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/splunk"
)

// grouper is a source that aggregates its events itself.
type grouper struct {
	rows  splunk.Events
	asked int
}

func (g *grouper) Events(ctx context.Context, s splunk.Scan, visit func(splunk.Row) error) error {
	return g.rows.Events(ctx, s, visit) //nolint:wrapcheck // It is the test's.
}

// found is what grouper knows of a group.
type found struct {
	part   splunk.Part
	values [][]splunk.Value
}

func (g *grouper) Groups(ctx context.Context, s splunk.Scan, wanted splunk.Grouping, visit func(splunk.Part) error) (bool, error) {
	g.asked++
	groups := map[string]*found{}
	var order []string
	err := g.rows.Events(ctx, s, func(row splunk.Row) error {
		if usual := whole(s, row); s.Where != nil && !splunk.Matches(s.Where, usual) {
			return nil
		}
		for _, by := range combinations(row, wanted) {
			key := fmt.Sprint(by)
			at, _ := row["_time"].Float()
			one := groups[key]
			if one == nil {
				one = &found{splunk.Part{By: by, Field: -1, First: at, Last: at}, make([][]splunk.Value, len(wanted.Fields))}
				groups[key] = one
				order = append(order, key)
			}
			one.part.Count++
			one.part.First, one.part.Last = min(one.part.First, at), max(one.part.Last, at)
			for i, field := range wanted.Fields {
				list := row.Get(field).Each()
				if len(list) == 0 && wanted.Missing {
					list = []splunk.Value{splunk.Null}
				}
				for _, v := range list {
					if !slices.ContainsFunc(one.values[i], func(x splunk.Value) bool { return x.String() == v.String() && x.IsNull() == v.IsNull() }) {
						one.values[i] = append(one.values[i], v)
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		return true, err
	}
	for _, key := range order {
		if err := visit(groups[key].part); err != nil {
			return true, err
		}
	}
	for _, key := range order {
		for i, list := range groups[key].values {
			for _, v := range list {
				part := groups[key].part
				part.By, part.Field, part.Value = slices.Clone(part.By), i, v
				if err := visit(part); err != nil {
					return true, err
				}
			}
		}
	}
	return true, nil
}

// whole is an event with what its data model says of what is missing, which conditions look at.
func whole(s splunk.Scan, row splunk.Row) splunk.Row {
	out := maps.Clone(row)
	for _, name := range []string{"user", "process", "dest", "src_port", "dest_port"} {
		if v, known := splunk.Completed(s.Model, s.Dataset, name); known && out.Get(name).IsNull() {
			out[name] = v
		}
	}
	return out
}

// combinations are the groups that an event is in.
func combinations(row splunk.Row, wanted splunk.Grouping) [][]splunk.Value {
	out := [][]splunk.Value{nil}
	for _, name := range wanted.By {
		list := row.Get(name).Each()
		if len(list) == 0 && wanted.Missing {
			list = []splunk.Value{splunk.Null}
		}
		var next [][]splunk.Value
		for _, by := range out {
			for _, v := range list {
				next = append(next, append(slices.Clone(by), v))
			}
		}
		out = next
	}
	return out
}

// groupedSearches begin with what can be counted where the events are.
var groupedSearches = []string{
	"a=* | stats count by a",
	"* | stats count as n min(_time) as first max(_time) as last by a b",
	"* | stats dc(c) values(c) min(n) max(n) by b | where count>0 OR isnull(count)",
	"(a=x OR NOT b=y) | stats values(a) as v count by b | sort - count | head 3",
	"| tstats count from datamodel=Endpoint.Processes by Processes.user",
	"| tstats count min(_time) as first max(_time) as last values(Processes.process) as p dc(Processes.dest) as d from datamodel=Endpoint.Processes where Processes.a!=z by Processes.user Processes.a",
	"| tstats fillnull_value=none count values(Processes.b) as b from datamodel=Endpoint.Processes by Processes.a Processes.process_id | stats sum(count) by Processes.a",
	"| tstats count max(All_Traffic.dest_port) as port from datamodel=Network_Traffic.All_Traffic by All_Traffic.src_port",
	"| tstats count by a",
	"a!=x earliest=3 latest=7 | stats count max(_time) as last by b",
}

// TestGroupedIsCounted requires the same results whether the events of a search are counted by the source or read.
func TestGroupedIsCounted(t *testing.T) {
	values := map[string][]string{
		"a": {"x", "y", "z", "X"}, "b": {"y", "1", "2", "10"}, "c": {"p", "q", "r"}, "user": {"ann", "bob", "unknown"}, "process": {"cmd", "sh"}, "dest": {"h", "i"},
		"process_id": {"1", "2"}, "src_port": {"0", "80"}, "dest_port": {"0", "443", "8"}, "n": {"1", "2", "10"},
	}
	names := []string{"a", "b", "c", "dest", "dest_port", "n", "process", "process_id", "src_port", "user"}
	rapid.Check(t, func(rt *rapid.T) {
		events := make(splunk.Events, rapid.IntRange(0, 12).Draw(rt, "events"))
		for i := range events {
			row := splunk.Row{"_time": splunk.Number(float64(rapid.IntRange(1, 9).Draw(rt, "time")))}
			for _, name := range names {
				switch rapid.IntRange(0, 9).Draw(rt, name) {
				case 0, 1, 2:
				case 3:
					row[name] = splunk.Texts(rapid.SliceOfNDistinct(rapid.SampledFrom(values[name]), 2, 2, rapid.ID).Draw(rt, "several"))
				default:
					row[name] = splunk.Text(rapid.SampledFrom(values[name]).Draw(rt, "value"))
				}
			}
			events[i] = row
		}
		search := rapid.SampledFrom(groupedSearches).Draw(rt, "search")
		source := &grouper{rows: events}
		want, fault := run(t.Context(), t, search, env(), events)
		got, err := run(t.Context(), t, search, env(), source)
		if fault != nil || err != nil || source.asked != 1 {
			rt.Fatalf("%s: %v, %v, asked %d times", search, fault, err, source.asked)
		}
		if diff := cmp.Diff(inOrder(want), inOrder(got)); diff != "" {
			rt.Errorf("%s (-read +counted):\n%s", search, diff)
		}
	})
}

// inOrder is a list of rows in an order that does not depend on which came first.
func inOrder(rows []any) []string {
	out := make([]string, len(rows))
	for i, row := range rows {
		out[i] = fmt.Sprint(row)
	}
	slices.Sort(out)
	return out
}

// TestNotGrouped requires that events are read if counts are not sufficient.
func TestNotGrouped(t *testing.T) {
	for _, search := range []string{
		"* | stats count", "* | stats sum(n) by a", "* | stats count(eval(n>1)) by a", "* | stats values(a*) by b", "* | stats count by _time", "* | stats count(a) by b",
		"* | eventstats count by a", "* | where n>1 | stats count by a", "* | stats first(a) by b", "* | stats min(_raw) by b", "* | head 3 | stats count by a",
		"| tstats count by _time span=1s", "| tstats prestats=t count by a | stats count by a", "(a=x earliest=2) OR b=y | stats count by a", "| tstats count",
	} {
		source := &grouper{rows: numbered(5)}
		if _, err := run(t.Context(), t, search, env(), source); err != nil || source.asked > 0 {
			t.Errorf("%s: asked %d times, %v", search, source.asked, err)
		}
	}
}

// TestGroupsAreHeld requires that groups from the source count against the memory limit like computed ones.
func TestGroupsAreHeld(t *testing.T) {
	e := env()
	e.MemoryLimit = 64 << 10
	_, err := run(t.Context(), t, "* | stats count values(host) by id", e, &grouper{rows: numbered(5000)})
	if err == nil || !strings.Contains(err.Error(), "stats") {
		t.Errorf("%v", err)
	}
}
