package indexname_test

import (
	"testing"
	"time"

	"tocsin/internal/match/mapping"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search/indexname"
)

// TestWildcard: the pattern matches the name at every time.
func TestWildcard(t *testing.T) {
	for pattern, want := range map[string]string{
		"logs-*": "logs-*", "<logs-{now/d}>": "logs-*", "eu:<logs-{now/d}>": "eu:logs-*", "<a-{now/d{dd}}-of-{now/M{MM}}>": "a-*-of-*",
		`<logs-\{x\}-{now/M{yyyy}}>`: "logs-{x}-*", "<logs-*{now/d}>": "logs-*", "logs::data": "logs", "<logs-{now/d>": "<logs-{now/d>",
	} {
		got := indexname.Wildcard(pattern)
		if got != want {
			t.Errorf("%s: %s, want %s", pattern, got, want)
		}
		for day := range 40 {
			at := time.Date(2026, 1, 15, 13, 0, 0, 0, time.UTC).AddDate(0, 0, 20*day)
			names, err := indexname.Resolve([]string{pattern}, at, window.Window{From: at, To: at})
			if err != nil {
				continue
			}
			for _, name := range names {
				if pattern != "logs::data" && !mapping.Glob(got, name) {
					t.Errorf("%s does not match %s", got, name)
				}
			}
		}
	}
}
