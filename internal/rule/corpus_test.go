package rule_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/rule"
)

// corpus is a copy of the public rules of elastic/detection-rules. It is not part of the project.
const corpus = "../../../shared/corpus/elastic"

func TestCorpus(t *testing.T) {
	requireCorpus(t)
	start := time.Now()
	set, list := rule.Load(corpus)
	t.Logf("%d rules in %s", set.Len(), time.Since(start))
	if len(set.Broken()) > 0 || list.HasErrors() {
		t.Errorf("%d broken rules: %v", len(set.Broken()), list.Err())
	}
	codes := map[string]int{}
	for _, d := range list {
		codes[d.Code]++
		if d.Code == "rule/unknown-key" {
			t.Error(d)
		}
	}
	t.Logf("warnings: %v", codes)
	for _, r := range set.Rules() {
		line, _, _ := strings.Cut(r.Query.Value, "\n")
		if d := r.Query.Report(diag.Note, "", diag.Span{}, ""); line != "" && d.Excerpt != line {
			t.Errorf("%s: the query is looked for at %s: %q", r.Path, d.Place(), d.Excerpt)
		}
	}
}

func BenchmarkLoadCorpus(b *testing.B) {
	requireCorpus(b)
	for b.Loop() {
		rule.Load(corpus)
	}
}

func requireCorpus(tb testing.TB) {
	tb.Helper()
	if _, err := os.Stat(corpus); err != nil {
		tb.Skip("the corpus is not there")
	}
}
