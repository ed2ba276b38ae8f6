package logs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/cmd/runner/internal/logs"
)

// lines decodes what was logged, as message and level.
func lines(t *testing.T, log *bytes.Buffer) (out []string) {
	t.Helper()
	for line := range strings.Lines(log.String()) {
		var l struct{ Level, Msg string }
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		out = append(out, l.Level+" "+l.Msg)
	}
	log.Reset()
	return out
}

func TestSparing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var to bytes.Buffer
		log := slog.New(logs.Sparing(slog.NewJSONHandler(&to, nil)))
		expect := func(what string, want ...string) {
			t.Helper()
			if diff := cmp.Diff(want, lines(t, &to)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", what, diff)
			}
		}
		fail := func(rule, window, why string) {
			log.With("rule_id", rule, "window", window).Error("executed", "error", errors.New(why)) //nolint:err113 // any
		}
		fail("a", "1", "status 403 at 2026-11-30T22:13:16Z")
		expect("the first", "ERROR executed")
		fail("a", "2", "status 403 at 2026-11-30T22:13:18Z")
		expect("again")
		fail("b", "2", "status 403 at 2026-11-30T22:13:18Z")
		expect("of another rule", "ERROR executed")
		fail("a", "3", "cannot be parsed")
		expect("for another reason", "ERROR executed")
		fail("a", "4", "status 403 at 2026-11-30T22:13:19Z")
		time.Sleep(11 * time.Minute)
		fail("a", "2", "status 403 at 2026-11-30T22:13:18Z")
		if text := to.String(); !strings.Contains(text, `"repeated":2`) {
			t.Errorf("how often it was held back is not said: %s", text)
		}
		expect("after some time", "ERROR executed")
		for range 3 {
			log.Warn("told")
			log.Error("state", "kind", "x")
			log.Info("started", "error", "none")
		}
		expect("what is not a complaint", "WARN told", "ERROR state", "INFO started", "WARN told", "ERROR state", "INFO started", "WARN told", "ERROR state", "INFO started")
	})
}

// TestSparingAtDebug: with the level debug, nothing is lost.
func TestSparingAtDebug(t *testing.T) {
	var to bytes.Buffer
	log := slog.New(logs.Sparing(slog.NewJSONHandler(&to, &slog.HandlerOptions{Level: slog.LevelDebug})))
	for range 2 {
		log.Warn("no", "error", "x")
	}
	if diff := cmp.Diff([]string{"WARN no", "DEBUG no"}, lines(t, &to)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestSparingBounds: however many rules fail for whatever reasons, the number of lines is bounded in any time, and the first is there.
func TestSparingBounds(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var to bytes.Buffer
		log := slog.New(logs.Sparing(slog.NewJSONHandler(&to, nil)))
		n := rapid.IntRange(1, 300).Draw(r, "failures")
		for range n {
			log.Error("executed", "rule_id", fmt.Sprint("r", rapid.IntRange(0, 100).Draw(r, "rule")), "error", rapid.StringMatching(`[a-z ]{1,8}`).Draw(r, "why"))
		}
		if got := strings.Count(to.String(), "\n"); got < 1 || got > 20 {
			r.Errorf("%d lines of %d failures", got, n)
		}
	})
}

// TestSparingNames: complaints that differ in a name are different ones, also if the names differ in digits only; times, numbers and
// identifiers make none.
func TestSparingNames(t *testing.T) {
	names := rapid.StringMatching(`(logs|Server|web-app|a)[-.]?[a-z]{0,6}(|-2026\.11\.)[0-9]{1,2}(|:9200|-000001)`)
	passing := rapid.OneOf(
		rapid.StringMatching(`20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{3})?Z`), rapid.StringMatching(`[0-9]{1,5}(|ms|s|mb|\.[0-9]{2}s)`),
		rapid.StringMatching(`[0-9a-f]{7,31}0`), rapid.StringMatching(`([0-9][A-Z][a-z]{1,2}){6}(:[0-9]{1,6})?`), rapid.StringMatching(`127\.0\.0\.1:[0-9]{5}`),
		rapid.StringMatching(`[0-9]{1,2}m[0-9]{1,2}(\.[0-9]{3})?s`),
	)
	rapid.Check(t, func(r *rapid.T) {
		var to bytes.Buffer
		log := slog.New(logs.Sparing(slog.NewJSONHandler(&to, nil)))
		different := map[string]bool{}
		for range rapid.IntRange(1, 30).Draw(r, "failures") {
			name := names.Draw(r, "name")
			if len(different) < 15 {
				different[name] = true
			}
			if different[name] {
				log.Error("executed", "rule_id", "one", "error", fmt.Sprintf("%s was not read: status 403 at %s", name, passing.Draw(r, "passing")))
			}
		}
		if got := strings.Count(to.String(), "\n"); got != len(different) {
			r.Errorf("%d lines about %d indices:\n%s", got, len(different), to.String())
		}
	})
}
