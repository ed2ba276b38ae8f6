package event_test

import (
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/event"
)

func TestSeries(t *testing.T) {
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
		"shrink-xyz1-logs-app-000007":                                       "logs-app",
		"reindexed-v8-logs-app-000007":                                      "logs-app",
		"reindexed-v9-logs":                                                 "logs",
		".reindexed-v8-ds-logs-x-default-2026.01.01-000001":                 "logs-x-default",
		".migrated-ds-logs-x-default-2026.01.01-000001":                     "logs-x-default",
		"logs-app-000001":                                                   "logs-app",
		"logs-app-2026.01.01-000001":                                        "logs-app-2026.01.01",
		"app-202601":                                                        "app-202601",
		"app-010126":                                                        "app",
		"app-2026.01.01":                                                    "app-2026.01.01",
		"app-00001":                                                         "app-00001",
		"logs":                                                              "logs",
		"partial-":                                                          "partial-",
		"partial-logs":                                                      "logs",
		"-000001":                                                           "-000001",
		"shrink-toolong-logs":                                               "shrink-toolong-logs",
		"":                                                                  "",
	} {
		if got := event.Series(index); got != want {
			t.Errorf("%s: %q, want %q", index, got, want)
		}
	}
}

// Whatever lifecycle management does to a backing index, its events keep their identity.
func TestKeySurvivesCopies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stream := rapid.StringMatching(`logs-[a-z]{1,8}(\.[a-z]{1,5})?-[a-z]{1,5}(-[a-z]{1,3}){0,2}`).Draw(t, "stream")
		first := ".ds-" + stream + rapid.StringMatching(`-20\d\d\.[01]\d\.[0-3]\d-00\d{4}`).Draw(t, "generation")
		later := first
		for range rapid.IntRange(0, 3).Draw(t, "copies") {
			later = rapid.StringMatching(`partial-|restored-|shrink-[a-z0-9]{4}-`).Draw(t, "prefix") + later
		}
		a, b := event.Event{Index: first, ID: "1"}, event.Event{Index: later, ID: "1"}
		if a.Key() != b.Key() || a.Key().Series != stream {
			t.Errorf("%s: %+v, %s: %+v", first, a.Key(), later, b.Key())
		}
	})
}
