package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/match/event"
	"tocsin/internal/rule"
)

// TestEnrichmentReloads: whatever the configuration becomes, alerts get what the last right one says.
func TestEnrichmentReloads(t *testing.T) {
	dir := t.TempDir()
	writeIn(t, dir, "assets.csv", "name,owner\nsh,ann\n")
	right := func(n int) string {
		return fmt.Sprintf("[[table]]\nname = \"assets\"\nfile = \"assets.csv\"\nkey = \"name\"\nfields = \"process.name\"\nadd = { \"labels.x%d\" = \"owner\" }\n", n)
	}
	name := filepath.Join(dir, "enrichment.toml")
	rapid.Check(t, func(rt *rapid.T) {
		if err := os.WriteFile(name, []byte(right(0)), 0o600); err != nil {
			rt.Fatal(err)
		}
		b := &backend{}
		a := &app{global: &globals{Enrichment: name, log: slog.New(slog.DiscardHandler)}}
		a.err = io.Discard
		e, err := a.openEnrichment(t.Context(), b, nil)
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = b.close() }()
		add, used := e.add(), 0
		for range rapid.IntRange(1, 6).Draw(rt, "reloads") {
			next := rapid.IntRange(0, 3).Draw(rt, "next")
			what := rapid.SampledFrom([]string{"right", "no TOML", "unknown key", "no field", "gone"}).Draw(rt, "what")
			text := map[string]string{
				"right": right(next), "no TOML": right(next) + "[", "unknown key": strings.Replace(right(next), "file", "fole", 1), "no field": strings.Replace(right(next), "labels.x", "nothing.x", 1),
			}[what]
			err := os.WriteFile(name, []byte(text), 0o600)
			if what == "gone" {
				err = os.Remove(name)
			}
			if err != nil {
				rt.Fatal(err)
			}
			if err := e.reload(t.Context()); (err == nil) != (what == "right") {
				rt.Fatalf("%s: %v", what, err)
			}
			if what == "right" {
				used = next
			}
			docs := []alert.Document{{Source: map[string]any{"process": map[string]any{"name": "sh"}}}}
			add(&rule.Rule{ID: "r", Name: "r"}, docs)
			for n := range 4 {
				if got := event.First(docs[0].Source, fmt.Sprintf("labels.x%d", n)); (got == "ann") != (n == used) {
					rt.Fatalf("after %s the alert has %v, want labels.x%d", what, docs[0].Source, used)
				}
			}
		}
	})
}
