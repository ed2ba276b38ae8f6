package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// output collects what a command writes while it runs.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// waitFor waits until the output has a text so many times.
func (o *output) waitFor(t *testing.T, text string, times int) {
	t.Helper()
	for range 600 {
		if strings.Count(o.String(), text) >= times {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%q is not %d times in:\n%s", text, times, o.String())
}

// TestWatchTests: tests run again when the rule is changed, and when it is mended; an interrupt ends the command without an
// error.
func TestWatchTests(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rule := `[rule]
rule_id = "11111111-aaaa-4aaa-8aaa-000000000001"
name = "Shell"
description = "d"
type = "eql"
index = ["logs-*"]
severity = "low"
risk_score = 21
query = 'process where process.name == "sh"'
`
	write("shell.toml", rule)
	write("shell.test.toml", `[[test]]
name = "a shell"
alerts = ["1"]
events = '{"_index":"logs-a","_id":"1","_source":{"@timestamp":"2026-01-15T14:01:00Z","event":{"category":["process"]},"process":{"name":"sh"}}}'
`)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var out, complaints output
	ended := make(chan int, 1)
	go func() {
		ended <- execute(ctx, []string{"test", "--watch", dir}, stdio{strings.NewReader(""), &out, &complaints})
	}()
	out.waitFor(t, "1 passed, 0 failed\nwaiting for changes of ", 1)
	time.Sleep(100 * time.Millisecond) // until the files are watched
	write("shell.toml", strings.Replace(rule, `"sh"`, `"bash"`, 1))
	out.waitFor(t, "0 passed, 1 failed\nwaiting for changes of ", 1)
	write("shell.toml", strings.Replace(rule, `== "sh"`, `==`, 1))
	out.waitFor(t, "waiting for changes of ", 3)
	write("shell.toml", rule)
	out.waitFor(t, "1 passed, 0 failed\nwaiting for changes of ", 2)
	interrupt()
	select {
	case code := <-ended:
		if code != 0 {
			t.Errorf("exit code %d: %s", code, complaints.String())
		}
	case <-time.After(30 * time.Second):
		t.Error("an interrupt does not end the command")
	}
}
