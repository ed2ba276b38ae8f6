package elastic

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/elastic/go-elasticsearch/v8/esapi"
	"pgregory.net/rapid"
)

// TestIncompleteAnswers: of an answer of any kind with a part of it taken away, or cut off, nothing is used.
func TestIncompleteAnswers(t *testing.T) {
	kinds := []struct {
		name, whole string
		must        []string
		decode      func(body string) error
	}{
		{"search", `{"took":1,"_shards":{"total":1,"failed":0},"hits":{"total":{"value":0,"relation":"eq"},"hits":[]}}`, []string{"hits", "_shards"}, decoded[page]},
		{"several searches", `{"took":1,"responses":[{"_shards":{"total":1},"hits":{"hits":[]},"status":200}]}`, []string{"responses"}, decoded[multiAnswer]},
		{"groups", `{"_shards":{"total":1},"hits":{"hits":[]},"aggregations":{"groups":{"buckets":[]}}}`, []string{"_shards", "aggregations"}, decoded[groupPage]},
		{"field capabilities", `{"indices":["a"],"fields":{"x":{}}}`, []string{"fields", "indices"}, decoded[capsAnswer]},
		{"names", `{"indices":[],"aliases":[],"data_streams":[]}`, []string{"indices", "aliases", "data_streams"}, decoded[resolveAnswer]},
		{"writes", `{"errors":false,"items":[]}`, []string{"items"}, decoded[bulkAnswer]},
		{"rows", `{"columns":[],"values":[],"took":1}`, []string{"columns"}, decoded[esqlAnswer]},
	}
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			if err := kind.decode(kind.whole); err != nil {
				t.Fatalf("%s: %v", kind.whole, err)
			}
			rapid.Check(t, func(t *rapid.T) {
				var body map[string]json.RawMessage
				if err := json.Unmarshal([]byte(kind.whole), &body); err != nil {
					t.Fatal(err)
				}
				gone := rapid.SampledFrom(kind.must).Draw(t, "gone")
				if rapid.Bool().Draw(t, "null") {
					body[gone] = json.RawMessage("null")
				} else {
					delete(body, gone)
				}
				for _, name := range slices.Sorted(maps.Keys(body)) {
					if rapid.Bool().Draw(t, "without "+name) {
						delete(body, name)
					}
				}
				text, err := json.Marshal(body)
				if err != nil {
					t.Fatal(err)
				}
				if err := kind.decode(string(text)); err == nil {
					t.Fatalf("%s was taken for an answer", text)
				}
				cut := kind.whole[:rapid.IntRange(0, len(kind.whole)-1).Draw(t, "cut")]
				if err := kind.decode(cut); err == nil {
					t.Fatalf("%q was taken for an answer", cut)
				}
			})
		})
	}
	for _, item := range []string{`{}`, `{"status":200}`, `{"hits":{"hits":[]},"status":200}`, `{"_shards":{"total":1},"status":200}`} {
		if err := decoded[multiAnswer](`{"responses":[` + item + `]}`); !errors.Is(err, errIncomplete) {
			t.Errorf("%s among several: %v", item, err)
		}
	}
	if err := decoded[multiAnswer](`{"responses":[{"status":400,"error":{"type":"x"}}]}`); err != nil {
		t.Errorf("an error among several answers: %v", err)
	}
}

func decoded[T any](body string) error {
	var out T
	err := decodeBody(&esapi.Response{Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, &out, 0)
	return errors.Join(err, complete(&out))
}
