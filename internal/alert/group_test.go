package alert_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/match/event"
)

func groupEvents() []event.Event {
	first := anEvent(`{"@timestamp":"2026-01-15T10:00:00Z","host":{"id":"h1","name":"a"},"process":{"name":"sh","args":["sh","-c"]},"event":{"category":["process"],"kind":"event"},"tags":["x","y"]}`)
	second := anEvent(`{"@timestamp":"2026-01-15T10:00:05Z","host":{"id":"h1","name":"b"},"process":{"name":"curl","args":["curl","-c"]},"event":{"category":["network"],"kind":"event"},"tags":"y"}`)
	first.ID, second.ID = "1", "2"
	return []event.Event{first, second}
}

func TestBuildGroup(t *testing.T) {
	docs, err := alert.NewBuilder(aRule(), alert.Options{}, alert.Indices{}).BuildGroup(alert.Group{Events: groupEvents()}, aRun())
	if err != nil {
		t.Fatal(err)
	}
	if len(docs) != 3 {
		t.Fatalf("%d documents, want two building blocks and a shell", len(docs))
	}
	shell := docs[2].Source
	for i, doc := range docs[:2] {
		want := map[string]any{
			"kibana.alert.uuid": doc.ID, "kibana.alert.group.id": docs[2].ID, "kibana.alert.group.index": i,
			"kibana.alert.building_block_type": "default", "kibana.alert.depth": int64(1),
		}
		for name, value := range want {
			if diff := cmp.Diff(value, doc.Source[name]); diff != "" {
				t.Errorf("block %d: %s (-want +got):\n%s", i, name, diff)
			}
		}
	}
	if shell["kibana.alert.group.id"] != docs[2].ID || shell["kibana.alert.depth"] != int64(2) || shell["kibana.alert.original_time"] != "2026-01-15T10:00:00.000Z" {
		t.Errorf("shell is %v", shell)
	}
	for _, absent := range []string{"kibana.alert.group.index", "kibana.alert.building_block_type"} {
		if _, ok := shell[absent]; ok {
			t.Errorf("the shell has %s", absent)
		}
	}
	common := map[string]any{"host": map[string]any{"id": "h1"}, "process": map[string]any{"args": []any{"-c"}}, "tags": []any{"y"}}
	for name, want := range common {
		if diff := cmp.Diff(want, shell[name]); diff != "" {
			t.Errorf("%s of the shell (-want +got):\n%s", name, diff)
		}
	}
	lineage, _ := shell["kibana.alert.ancestors"].([]any)
	var ids []any
	for _, a := range lineage {
		ids = append(ids, a.(map[string]any)["id"])
	}
	if diff := cmp.Diff([]any{"1", docs[0].ID, "2", docs[1].ID}, ids); diff != "" {
		t.Errorf("ancestors (-want +got):\n%s", diff)
	}
}

func TestGroupIdentity(t *testing.T) {
	builder := alert.NewBuilder(aRule(), alert.Options{}, alert.Indices{})
	ids := func(events ...event.Event) []string {
		t.Helper()
		docs, err := builder.BuildGroup(alert.Group{Events: events}, aRun())
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, d := range docs {
			out = append(out, d.ID)
		}
		return out
	}
	e := groupEvents()
	seen := map[string]bool{}
	for _, list := range [][]string{ids(e[0], e[1]), ids(e[1], e[0]), ids(e[0]), ids(e[0], e[1], e[1])} {
		for _, id := range list {
			if seen[id] {
				t.Errorf("%s is used twice", id)
			}
			seen[id] = true
		}
	}
	if diff := cmp.Diff(ids(e[0], e[1]), ids(e[0], e[1])); diff != "" {
		t.Errorf("the same group has other ids: %s", diff)
	}
}

func TestGroupOfOwnAlert(t *testing.T) {
	own := anAlert(`{"kibana.alert.rule.uuid":"` + alert.RuleUUID(aRule().ID) + `"}`)
	_, err := alert.NewBuilder(aRule(), alert.Options{}, alert.Indices{}).BuildGroup(alert.Group{Events: append(groupEvents(), own)}, aRun())
	if !errors.Is(err, alert.ErrOwnAlert) {
		t.Errorf("error is %v", err)
	}
}
