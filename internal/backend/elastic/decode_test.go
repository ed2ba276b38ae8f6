package elastic

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/elastic/go-elasticsearch/v8/esapi"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestAnswersReadInOnePass: what an answer reads itself is what encoding/json reads of it.
func TestAnswersReadInOnePass(t *testing.T) {
	hits := `"hits":{"total":{"value":2,"relation":"eq"},"max_score":null,"hits":[
		{"_index":"a","_id":"1","_score":null,"_source":{"k":"x\"}]","n":1e3},"sort":["2026-01-01",7,null]},
		{"_index":"a","_id":"q\"é","_source":{},"fields":{"n":[12345678901234567890, {"a":"b"}]},"_seq_no":3,"_primary_term":4,"sort":[8]},
		{"_index":"b","_id":"2"} ]}`
	for _, tt := range []struct{ name, body string }{
		{"empty", `{}`},
		{"hits", `{"took":3,"timed_out":false,"_shards":{"total":2,"failed":0},` + hits + `}`},
		{"blanks", " {\n\"took\" : 3 , " + hits + " , \"pit_id\" : \"p\\u0061\" }\n"},
		{"failures", `{"timed_out":true,"_shards":{"total":2,"failed":1,"failures":[{"shard":0,"index":"a","reason":{"type":"x","reason":"y"}}]},"hits":{"hits":[]}}`},
		{"clusters", `{"_clusters":{"skipped":1,"details":{"far":{"status":"skipped"}}},"hits":{"total":null,"hits":[]}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var want, got page
			dec := json.NewDecoder(strings.NewReader(tt.body))
			dec.UseNumber()
			if err := dec.Decode(&want); err != nil {
				t.Fatal(err)
			}
			response := &esapi.Response{Header: http.Header{}, Body: io.NopCloser(strings.NewReader(tt.body))}
			if err := decodeBody(response, &got, 0); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(page{}, shards{}), cmpopts.IgnoreFields(page{}, "body", "hitsThere"), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-encoding/json +one pass):\n%s", diff)
			}
			var items multiAnswer
			response.Body = io.NopCloser(strings.NewReader(`{"took":1,"responses":[` + tt.body + `,{"error":{"type":"x","reason":"y"},"status":400}]}`))
			if err := decodeBody(response, &items, 0); err != nil || len(items.Responses) != 2 {
				t.Fatalf("%d answers, error %v", len(items.Responses), err)
			}
			if items.Responses[1].Status != 400 || items.Responses[1].Error.Type != "x" {
				t.Errorf("the second answer is %+v", items.Responses[1])
			}
			if diff := cmp.Diff(want.Hits, items.Responses[0].Hits, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("first of several (-encoding/json +one pass):\n%s", diff)
			}
		})
	}
}

func TestBrokenAnswers(t *testing.T) {
	for _, body := range []string{
		"", "[]", "nonsense", `{"took":`, `{"hits":{"hits":[{"_index":"a"}`, `{"hits":{"hits":[{"_id":7}]}}`, `{"hits":[]}`, `{"took":"x"}`, `{"hits":{"hits":[1]}}`, `{} {}`,
	} {
		var got page
		if err := decodeBody(&esapi.Response{Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}, &got, 0); err == nil {
			t.Errorf("%q was read as %+v", body, got)
		}
	}
}
