package report_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/cmd/runner/internal/report"
	"tocsin/internal/diag"
)

var update = flag.Bool("update", false, "write the golden files")

// sample has a rule of each status, a warning, a file without a rule, and text that each format
// must escape.
func sample() *report.Report {
	file := diag.NewText("rules/a <b>.toml", "query = \"x & y\"\nlast = 1\n")
	var r report.Report
	r.Add(report.Result{
		Path: "rules/good.toml", RuleID: "1", Name: "Good", Type: "eql", Language: "eql", Status: report.Valid, Strategy: "search",
	})
	warned := diag.List{file.Report(diag.Warning, "rule/unknown-key", diag.Span{Start: 16, End: 20}, "unknown key last")}
	r.Add(report.Result{
		Path: "rules/warned.toml", RuleID: "2", Name: "Warned", Type: "eql", Language: "eql",
		Status: report.Judge(warned), Strategy: "search", Diagnostics: warned,
	})
	bad := diag.List{
		warned[0], file.Report(diag.Error, "eql/syntax", diag.Span{Start: 8, End: 15}, "\"x & y\" is <no> query"),
		file.Report(diag.Error, "eql/syntax", diag.Span{Start: 11, End: 12}, "& is no operator"),
	}
	r.Add(report.Result{Path: "rules/a <b>.toml", RuleID: "3", Name: "Bad", Type: "eql", Language: "eql", Status: report.Judge(bad), Diagnostics: bad})
	later := diag.List{{Severity: diag.Error, Code: "rule/unsupported", Message: "not yet", File: "rules/later.toml", Line: 5, Column: 8}}
	r.Add(report.Result{Path: "rules/later.toml", RuleID: "4", Name: "Later", Type: "threshold", Language: "kuery", Status: report.Judge(later), Diagnostics: later})
	gone := diag.List{{Severity: diag.Error, Code: "rule/unreadable", Message: "permission denied", File: "rules/gone.toml"}}
	r.Add(report.Result{Path: "rules/gone.toml", Status: report.Judge(gone), Diagnostics: gone})
	return &r
}

// export has several rules of one file, and a mistake in an exception there.
func export() *report.Report {
	file := diag.NewText("export.ndjson", "{}\n{}\n{\"entries\": 1}\n")
	r := report.Report{Diagnostics: diag.List{file.Report(diag.Error, "rule/wrong-type", diag.Span{Start: 18, End: 19}, "entries must be a list")}}
	for line := range 2 {
		r.Add(report.Result{Path: "export.ndjson", Line: line + 1, RuleID: "1", Name: "Good", Type: "query", Language: "kuery", Status: report.Valid, Strategy: "search"})
	}
	return &r
}

func TestWrite(t *testing.T) {
	reports := map[string]*report.Report{"sample": sample(), "empty": {}, "export": export()}
	for name, r := range reports {
		for _, format := range report.Formats {
			t.Run(name+"/"+format, func(t *testing.T) {
				var got bytes.Buffer
				if err := r.Write(&got, format); err != nil {
					t.Fatal(err)
				}
				golden := filepath.Join("testdata", name+"."+format)
				if *update {
					if err := os.WriteFile(golden, got.Bytes(), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got.String()); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		}
	}
}

func TestJudge(t *testing.T) {
	warning := diag.Diagnostic{Severity: diag.Warning, Code: "a/b"}
	note := diag.Diagnostic{Severity: diag.Note, Code: "a/unsupported"}
	fault := diag.Diagnostic{Severity: diag.Error, Code: "a/b"}
	unsupported := diag.Diagnostic{Severity: diag.Error, Code: "eql/unsupported"}
	tests := []struct {
		name string
		in   diag.List
		want report.Status
	}{
		{"nothing", nil, report.Valid},
		{"remarks", diag.List{warning, note}, report.Valid},
		{"an error", diag.List{warning, fault}, report.Invalid},
		{"an unsupported construct", diag.List{unsupported, warning, unsupported}, report.Unsupported},
		{"both, the error first", diag.List{fault, unsupported}, report.Invalid},
		{"both, the error last", diag.List{unsupported, fault}, report.Invalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := report.Judge(tt.in); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// full is a disk that is full after some bytes.
type full struct{ room int }

var errFull = errors.New("no space left")

func (f *full) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWriteFails(t *testing.T) {
	for _, format := range report.Formats {
		for _, room := range []int{0, 40} {
			if err := sample().Write(&full{room}, format); !errors.Is(err, errFull) {
				t.Errorf("%s after %d bytes: %v", format, room, err)
			}
		}
	}
}
