package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/backend/store"
)

// TestFollow: whatever the clocks of those who write alerts say, within the overlap, --follow writes each new alert
// once, and of those that were there the latest.
func TestFollow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		kept, n := store.NewMemory(), 0
		write := func(most int) (ids []string) {
			for range rapid.IntRange(0, most).Draw(rt, "alerts") {
				n++
				at := time.Now().Add(time.Duration(rapid.IntRange(-500, 900).Draw(rt, "seconds")) * time.Second)
				id := fmt.Sprintf("alert-%d", n)
				if _, err := kept.Create(t.Context(), []alert.Document{{ID: id, Source: map[string]any{"@timestamp": at.Format(time.RFC3339Nano)}}}); err != nil {
					rt.Fatal(err)
				}
				ids = append(ids, id)
			}
			return ids
		}
		var out bytes.Buffer
		a := &app{stdio: stdio{out: &out, err: io.Discard}, screen: &out, global: &globals{Format: "ndjson", Namespace: "default", log: slog.New(slog.DiscardHandler)}}
		f := newFollower(a, &alertsListCmd{Limit: rapid.IntRange(1, 5).Draw(rt, "limit")})
		look := func() []string {
			out.Reset()
			if err := f.look(t.Context(), func(context.Context) (*backend, error) { return &backend{alerts: kept}, nil }); err != nil {
				rt.Fatal(err)
			}
			return idsOf(rt, out.String())
		}
		there := write(20)
		if got, want := len(look()), min(len(there), f.flags.Limit); got != want {
			rt.Fatalf("%d alerts at the start, not %d", got, want)
		}
		for range rapid.IntRange(1, 6).Draw(rt, "looks") {
			want, got := write(5), look()
			sorted := cmpopts.SortSlices(strings.Compare)
			if d := cmp.Diff(want, got, sorted, cmpopts.EquateEmpty()); d != "" {
				rt.Fatal(d)
			}
		}
	})
}

func idsOf(t *rapid.T, lines string) (ids []string) {
	for line := range strings.Lines(lines) {
		var doc struct {
			ID string `json:"_id"`
		}
		if err := json.Unmarshal([]byte(line), &doc); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, doc.ID)
	}
	return ids
}

// TestFollowStore follows a store that another process writes to, and ends without noise.
func TestFollowStore(t *testing.T) {
	dir := t.TempDir()
	write := func(ids ...string) {
		db, err := store.Open(dir)
		for ; err != nil; db, err = store.Open(dir) {
			if t.Context().Err() != nil {
				t.Fatal(err)
			}
		}
		for i, id := range ids {
			source := map[string]any{
				"@timestamp": time.Now().UTC().Format(time.RFC3339Nano), "kibana.alert.uuid": id, groupID: "shell",
				"kibana.alert.rule.name": "Sequence " + id,
			}
			if id == "shell" {
				source["kibana.alert.ancestors"] = []any{map[string]any{"type": "signal", "id": "block0"}, map[string]any{"type": "signal", "id": "block1"}}
			} else {
				source[groupIndex], source["process.name"] = i, []string{"step one", "step two"}[i]
			}
			if _, err := db.Create(t.Context(), []alert.Document{{ID: id, Source: source}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.CommandContext(t.Context(), "runner", "alerts", "list", "--store", dir, "--follow", "--refresh", "20ms")
	var complaints bytes.Buffer
	c.Stderr = &complaints
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill() })
	write("block0", "block1") // the command waits for their sequence
	time.Sleep(100 * time.Millisecond)
	write("shell")
	lines := bufio.NewScanner(out)
	var got []string
	for len(got) < 4 && lines.Scan() {
		got = append(got, lines.Text())
	}
	for i, end := range []string{"RULE", "Sequence shell", "├─ step one", "└─ step two"} {
		if !strings.HasSuffix(got[i], end) {
			t.Errorf("line %d is %q, which does not end with %s", i, got[i], end)
		}
	}
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("%v: %s", err, complaints.String())
	}
	if text := complaints.String(); strings.Contains(text, "runner: ") {
		t.Errorf("noise: %s", text)
	}
}
