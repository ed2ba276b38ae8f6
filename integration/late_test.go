//go:build integration

package integration

import (
	"cmp"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestLateEvents: a second look finds an event that arrives after all runs over its time, if event.ingested shows
// that it is late. If event.ingested is not mapped, the event is not found.
func TestLateEvents(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		mapped bool
		want   int
	}{{"told", true, 1}, {"not told", false, 0}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			index := n.Name("late")
			mapping := eventMapping()
			if !tt.mapped {
				fields := mapping["properties"].(object)["event"].(object)["properties"].(object)
				delete(fields, "ingested")
				mapping["dynamic"] = false
			}
			n.CreateIndex(t, index, mapping)
			log, err := os.Create(filepath.Join(t.TempDir(), "runner.log"))
			must(t, err)
			p := elasticsearch(n)
			dir := chaosRules(t, index, 1, "1s", "2s")
			h := &hand{
				args: append([]string{"run", "--rules", dir, "--listen", "none", "--late-after", "10s"}, p.flags...),
				env:  []string{"PATH=" + os.Getenv("PATH")}, log: log,
			}
			h.start(t)
			t.Cleanup(func() { h.drop(t) })
			begun := time.Now()
			time.Sleep(9 * time.Second)
			now := time.Now().UTC()
			put(t, n, []doc{{index, "late", object{
				"@timestamp": now.Add(-4 * time.Second).Format(time.RFC3339Nano), "process": object{"pid": 0},
				"event": object{"category": "process", "ingested": now.Format(time.RFC3339Nano)},
			}}})
			found := 0
			for end := begun.Add(30 * time.Second); time.Now().Before(end) && found < cmp.Or(tt.want, 1); time.Sleep(time.Second) {
				n.Do(t, http.MethodPost, "/tocsin-alerts-"+n.Prefix+"/_refresh", nil)
				found = len(p.list(t))
			}
			h.stop(t)
			equal(t, "alerts", found, tt.want)
		})
	}
}
