package diag_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag"
)

func TestNearest(t *testing.T) {
	known := []string{"index", "interval", "query", "rule_id", "severity", "threat", "to"}
	tests := []struct{ name, in, want string }{
		{"one letter too many", "intervall", "interval"},
		{"one too few", "severty", "severity"},
		{"two swapped", "qurey", "query"},
		{"other separator", "rule-id", "rule_id"},
		{"too far", "colour", ""},
		{"short words are not guessed", "xy", ""},
		{"empty", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, diag.Nearest(tt.in, known)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
