package event_test

import (
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/match/event"
)

func TestDataStream(t *testing.T) {
	for index, want := range map[string]string{
		".ds-logs-x-default-2026.01.01-000001":                              "logs-x-default",
		".ds-logs-system.auth-my-name-space-2026.01.01-000123":              "logs-system.auth-my-name-space",
		".ds-logs-x-default-2026.01.01-2026.01.02-000001":                   "logs-x-default-2026.01.01",
		".ds-logs-x-default-2026.01.01-1000000":                             "logs-x-default",
		".ds-logs-x-default-000001":                                         "logs-x-default",
		".fs-logs-x-default-2026.01.01-000001":                              "logs-x-default",
		"partial-.ds-logs-x-default-2026.01.01-000001":                      "logs-x-default",
		"restored-.ds-logs-x-default-2026.01.01-000001":                     "logs-x-default",
		"partial-restored-shrink-a1-_-.ds-logs-x-default-2026.01.01-000001": "logs-x-default",
		".reindexed-v8-ds-logs-x-default-2026.01.01-000001":                 "logs-x-default",
		".migrated-ds-logs-x-default-2026.01.01-000001":                     "logs-x-default",
		// What looks like a rollover series or a copy may be none.
		"logs-app-000001": "", "shrink-xyz1-logs-app-000007": "", "reindexed-v8-logs-app-000007": "", "partial-logs": "", "app-010126": "",
		"ds-logs-x-2026.01.01-000001": "", ".ds-000001": "", "-000001": "", "": "",
	} {
		if got := event.DataStream(index); got != want {
			t.Errorf("%s: %q, want %q", index, got, want)
		}
	}
}

// The name of a backing index shows its data stream, whatever lifecycle management does to it.
func TestDataStreamOfCopies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stream := rapid.StringMatching(`logs-[a-z]{1,8}(\.[a-z]{1,5})?-[a-z]{1,5}(-[a-z]{1,3}){0,2}`).Draw(t, "stream")
		index := ".ds-" + stream + rapid.StringMatching(`-20\d\d\.[01]\d\.[0-3]\d-00\d{4}`).Draw(t, "generation")
		for range rapid.IntRange(0, 3).Draw(t, "copies") {
			index = rapid.StringMatching(`partial-|restored-|shrink-[a-z0-9]{4}-`).Draw(t, "prefix") + index
		}
		if got := event.DataStream(index); got != stream {
			t.Errorf("%s: %q, want %q", index, got, stream)
		}
	})
}
