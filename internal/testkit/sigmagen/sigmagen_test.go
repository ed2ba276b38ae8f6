package sigmagen_test

import (
	"slices"
	"strings"
	"testing"

	"tocsin/internal/testkit/sigmagen"
)

const rule = `
title: T
logsource: {product: p}
detection:
  sel:
    A|endswith: ['\a.exe', '\b.exe']
    B|contains|all: [one, two]
    N|cidr: 10.0.0.0/8
  filter_x:
    C|re: '^[a-c]{3}$'
    D: 'x\*y'
  other: [word]
  condition: (sel or other) and not 1 of filter_*
`

// TestEvents wants events that have what the rule looks for, and events that differ from them, the same for a seed.
func TestEvents(t *testing.T) {
	r, err := sigmagen.Parse(rule)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Fields(); !slices.Equal(got, []string{"A", "B", "N", "C", "D"}) || !r.Keywords() || !slices.Equal(r.Addresses(), []string{"N"}) {
		t.Error(got, r.Keywords(), r.Addresses())
	}
	events := r.Events(1, 20)
	again := r.Events(1, 20)
	met, filtered, swapped := 0, 0, 0
	for i, e := range events {
		one := func(field string) string { return strings.Join(e[field], "") }
		switch {
		case strings.HasSuffix(one("A"), ".exe") && strings.Contains(one("B"), "one") && strings.Contains(one("B"), "two") && one("N") == "10.0.0.1":
			met++
		case strings.HasSuffix(one("A"), ".EXE"):
			swapped++
		}
		if one("D") == "x*y" && len(one("C")) == 3 {
			filtered++
		}
		for field, values := range e {
			if !slices.Equal(values, again[i][field]) {
				t.Fatalf("event %d is another for the same seed", i)
			}
		}
	}
	if met < 20 || filtered < 5 || swapped < 5 {
		t.Errorf("of %d events %d are met, %d filtered, %d in the other case", len(events), met, filtered, swapped)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "a: [", "title: x"} {
		if _, err := sigmagen.Parse(text); err == nil {
			t.Errorf("%q is a rule", text)
		}
	}
}
