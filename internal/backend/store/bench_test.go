package store_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tocsin/internal/backend/store"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

const benchEvents = 100_000

// benchFile writes events as an endpoint agent sends them.
func benchFile(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "events.ndjson")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriter(f)
	rnd := rand.New(rand.NewPCG(1, 2))
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	names := []string{"cmd.exe", "powershell.exe", "svchost.exe", "bash", "sshd", "python3"}
	for i := range benchEvents {
		name := names[rnd.IntN(len(names))]
		_, _ = fmt.Fprintf(w, `{"_index":"logs-endpoint.events.process-default","_id":"%d","_source":{"@timestamp":"%s","event":{"category":["process"],"type":["start"],"kind":"event","sequence":%d,"dataset":"endpoint.events.process","id":"%016x"},"host":{"name":"host-%d","id":"%032x","os":{"type":"windows","family":"windows","version":"10.0.19045"}},"process":{"pid":%d,"name":"%s","executable":"C:\\Windows\\System32\\%s","command_line":"%s -NoProfile -File C:\\jobs\\%d.ps1","args":["-NoProfile","-File"],"parent":{"pid":%d,"name":"explorer.exe","executable":"C:\\Windows\\explorer.exe"},"hash":{"sha256":"%064x"}},"user":{"name":"user-%d","domain":"CORP","id":"S-1-5-21-%d"},"data_stream":{"type":"logs","dataset":"endpoint.events.process","namespace":"default"}}}`+"\n",
			i, start.Add(time.Duration(rnd.IntN(3_600_000))*time.Millisecond).Format("2006-01-02T15:04:05.000Z"), i, rnd.Uint64(), rnd.IntN(50), rnd.Uint64(),
			rnd.IntN(65536), name, name, name, rnd.IntN(1000), rnd.IntN(65536), rnd.Uint64(), rnd.IntN(200), rnd.IntN(100_000))
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	return path
}

func perSecond(b *testing.B) {
	b.Helper()
	b.ReportMetric(float64(benchEvents)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkOpen(b *testing.B) {
	path := benchFile(b)
	for b.Loop() {
		e, remarks, err := store.OpenEvents(b.Context(), store.EventsOptions{Files: []string{path}})
		if err != nil || len(remarks) > 0 || e.Len() != benchEvents {
			b.Fatal(err, remarks)
		}
		if err := e.Close(); err != nil {
			b.Fatal(err)
		}
	}
	perSecond(b)
}

func BenchmarkSearch(b *testing.B) {
	for _, bm := range []struct {
		name  string
		where condition.Expr
	}{
		{"few", condition.And{
			condition.Term{Field: "process.name", Value: "cmd.exe", Fold: true}, condition.Wildcard{Field: "process.command_line", Pattern: "*\\\\7.ps1"},
		}},
		{"sixth", condition.Term{Field: "process.name", Value: "cmd.exe", Fold: true}},
		{"all", condition.Const(true)},
	} {
		b.Run(bm.name, func(b *testing.B) {
			e, _ := openEvents(b, store.EventsOptions{Files: []string{benchFile(b)}})
			r := search.Request{
				Patterns: []string{"logs-endpoint*"}, Time: search.TimeRange{Field: search.DefaultTimestamp}, Tiebreaker: "event.sequence", Where: bm.where,
			}
			hits := 0
			for b.Loop() {
				hits = 0
				_, err := e.Search(b.Context(), r, func(page []event.Event) (bool, error) {
					hits += len(page)
					return true, nil
				})
				if err != nil || hits == 0 {
					b.Fatal(hits, err)
				}
			}
			perSecond(b)
			b.ReportMetric(float64(hits), "hits")
		})
	}
}
