package escu_test

import (
	"os"
	"strings"
	"testing"

	"tocsin/internal/diag"
	"tocsin/internal/splunk/escu"
	"tocsin/internal/translate/spl"
)

const corpus = "../../../../shared/corpus/escu"

func loadCorpus(tb testing.TB) *escu.Library {
	tb.Helper()
	if _, err := os.Stat(corpus); err != nil {
		tb.Skip("the shared test data is not there")
	}
	l, diags, err := escu.Load(tb.Context(), os.DirFS(corpus), "detections", "macros", "lookups", "data_sources")
	if err != nil {
		tb.Fatal(err)
	}
	for _, d := range diags {
		if d.Severity == diag.Error {
			tb.Error(d)
		}
	}
	return l
}

// printedAlike requires that a printed search is parsed to the same tree.
func printedAlike(t *testing.T, name string, s *spl.Search) {
	t.Helper()
	printed := s.String()
	again, diags := spl.Parse(&spl.Source{Text: diag.NewText("printed", printed), Value: printed})
	if again == nil {
		t.Errorf("%s: %q is not read: %v", name, printed, diags)
	} else if again.String() != printed {
		t.Errorf("%s: printed\n%s\nread again\n%s", name, printed, again)
	}
}

// TestCorpus wants nearly all detections of a release valid, and the others refused for a command
// or function that is named.
func TestCorpus(t *testing.T) {
	l := loadCorpus(t)
	valid, unsupported := 0, 0
	for _, d := range l.Detections {
		s, diags := l.Parse(d, l.Env())
		switch {
		case s != nil:
			valid++
			printedAlike(t, d.Path, s)
		default:
			unsupported++
			for _, x := range diags {
				if x.Severity != diag.Error {
					continue
				}
				if x.Code != "spl/unsupported" || x.Line == 0 {
					var b strings.Builder
					_ = diag.Render(&b, diag.List{x})
					t.Errorf("%s", b.String())
				} else {
					t.Log(x)
				}
			}
		}
	}
	t.Logf("%d valid, %d unsupported", valid, unsupported)
	if total := len(l.Detections); total < 1000 || valid*100 < total*95 {
		t.Errorf("%d of %d detections are valid", valid, total)
	}
}
