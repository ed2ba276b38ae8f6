package elastic_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

// TestCommentsInDocuments: Elasticsearch takes a document with comments and gives it back as it came; neither
// that one nor those beside it are lost.
func TestCommentsInDocuments(t *testing.T) {
	hits := `{"_shards":{"total":1},"hits":{"hits":[{"_index":"logs","_id":"1","_source":{"a":"/*" /* x" */},"sort":[1,1]},{"_index":"logs","_id":"2","_source":{"a":2},"sort":[2,2]}]}`
	c, _ := scripted(t, elastic.Config{}, func(r *http.Request) (*http.Response, error) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/_pit"):
			return status(200, `{"id":"p"}`)(r)
		case strings.HasSuffix(r.URL.Path, "/_msearch"):
			return status(200, `{"responses":[`+hits+`,"status":200}]}`)(r)
		}
		return status(200, hits+`}`)(r)
	})
	request := search.Request{Patterns: []string{"logs"}, Where: condition.Const(true), PageSize: 10}
	read := func(events []event.Event) (out []string) {
		for _, e := range events {
			source, err := event.DecodeObject(e.Source)
			if err != nil {
				t.Error(err)
			}
			out = append(out, e.ID+" "+event.First(source, "a"))
		}
		return out
	}
	want := []string{"1 /*", "2 2"}
	_, err := c.Search(t.Context(), request, func(page []event.Event) (bool, error) {
		if diff := cmp.Diff(want, read(page)); diff != "" {
			t.Error(diff)
		}
		return true, nil
	})
	first := c.FirstPages(t.Context(), []search.Request{request})[0]
	if diff := cmp.Diff(want, read(first.Events)); diff != "" || err != nil || first.Err != nil {
		t.Errorf("%v, %v: %s", err, first.Err, diff)
	}
}
