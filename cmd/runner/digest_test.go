package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestKindOf(t *testing.T) {
	for text, want := range map[string]string{
		"rules/a.toml:9:49: warning: Unknown column [x]: no index has it [eql/unmapped-field]":        "eql/unmapped-field",
		"maps/b.toml:1:2: warning: Unknown column [y]: no index has [it] or so [eql/unmapped-field]":  "eql/unmapped-field",
		"no open index matches logs-a-*, logs-b: nothing was searched":                                "no open index matches …",
		"max_signals: 100 alerts were created and at least 7 hits of the window are left unprocessed": "max_signals: … alerts were created and at least … hits of the window are left unprocessed",
		`2 values of [a.b] cannot be values of [c], which is of type long; one of them is "x \" 1"`:   "… values of … cannot be values of …, which is of type long; one of them is …",
		"alert 0123456789abcdef0123456789abcdef was not written: full":                                "alert … was not written: full",
		"closed indices were not searched: a":                                                         "closed indices were not searched: a",
	} {
		if got := kindOf(text); got != want {
			t.Errorf("%s:\n%s, want\n%s", text, got, want)
		}
	}
}

// TestDigest: however many rules have a problem, each kind is told at most twice, no problem is forgotten, and all are
// there at level debug.
func TestDigest(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var log bytes.Buffer
		logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		var d digest
		kinds, total := map[string]int{}, 0
		for range rapid.IntRange(0, 60).Draw(rt, "warnings") {
			code := rapid.SampledFrom([]string{"eql/type", "eql/unmapped-field", "kql/type", ""}).Draw(rt, "code")
			text := fmt.Sprintf("no [%d] here", rapid.IntRange(0, 9).Draw(rt, "n"))
			if code != "" {
				text = fmt.Sprintf("f:1:%d: warning: %s [%s]", total+1, text, code)
			}
			rule := fmt.Sprint("r", rapid.IntRange(0, 30).Draw(rt, "rule"))
			logger.Log(t.Context(), d.warning(rule, text), "one", "rule", rule, "warning", text)
			kinds[code]++
			total++
		}
		d.tell(t.Context(), logger)
		first, debug, told, counted := 0, 0, 0, 0
		for line := range strings.Lines(log.String()) {
			var l struct {
				Level, Msg string
				Count      int
				Kind       string
			}
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				rt.Fatal(err)
			}
			switch {
			case l.Msg != "one":
				told++
				counted += l.Count
				if l.Kind == "" || l.Count < 2 {
					rt.Error(line)
				}
			case l.Level == "DEBUG":
				debug++
			default:
				first++
			}
		}
		alone := 0
		for _, n := range kinds {
			if n == 1 {
				alone++
			}
		}
		if first != len(kinds) || told != len(kinds)-alone || counted+alone != total || first+debug != total {
			rt.Errorf("%d of %d kinds first, %d told, %d of %d counted, %d debug:\n%s", first, len(kinds), told, counted, total, debug, log.String())
		}
	})
}
