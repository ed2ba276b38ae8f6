package escu_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag"
	"tocsin/internal/splunk"
	"tocsin/internal/splunk/escu"
	"tocsin/internal/translate/spl"
)

// events makes rows of JSON objects; @timestamp becomes _time.
func events(tb testing.TB, data []json.RawMessage) splunk.Events {
	tb.Helper()
	var out splunk.Events
	for _, raw := range data {
		var object map[string]any
		if err := json.Unmarshal(raw, &object); err != nil {
			tb.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339Nano, object["@timestamp"].(string))
		if err != nil {
			tb.Fatal(err)
		}
		row := splunk.Flatten(object)
		row["_time"] = splunk.Number(splunk.Epoch(at))
		out = append(out, row)
	}
	return out
}

// native makes of rows what JSON makes of them.
func native(tb testing.TB, v any) any {
	tb.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(data, &out); err != nil {
		tb.Fatal(err)
	}
	return out
}

// TestWorkedExample runs a detection from its file to its risk events and compares both with an
// example whose results were worked out apart.
func TestWorkedExample(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(corpus, "seed_fixture/curl_insecure.json"))
	if err != nil {
		t.Skip("the shared test data is not there")
	}
	var example struct {
		Scheduled time.Time         `json:"scheduled_time"`
		Events    []json.RawMessage `json:"events"`
		Rows      []any             `json:"expected_rows"`
		Risk      []map[string]any  `json:"expected_risk_events"`
	}
	if err := json.Unmarshal(data, &example); err != nil {
		t.Fatal(err)
	}
	name := "cisco_isovalent___curl_execution_with_insecure_flags.yml"
	file, err := os.ReadFile(filepath.Join(corpus, "newformat", name))
	if err != nil {
		t.Fatal(err)
	}
	d, diags := escu.ParseDetection(diag.NewText(name, string(file)))
	if d == nil {
		t.Fatal(diags)
	}
	// The example is of the version with the score of the page.
	d.Risk.Objects[0].Score = 45
	l := &escu.Library{Macros: escu.Macros{}}
	l.Macros.Add(spl.Macro{Name: "cisco_isovalent_process_exec", Definition: "sourcetype=cisco:isovalent:processExec"})
	search, diags := l.Parse(d, l.Env())
	if search == nil {
		t.Fatal(diags)
	}
	earliest, latest := d.Schedule.Range(example.Scheduled)
	window := splunk.Window{Earliest: earliest, Latest: latest, Now: example.Scheduled}
	var rows []any
	var risk []any
	err = splunk.Run(t.Context(), search, l.Env(), events(t, example.Events), window, func(row splunk.Row) error {
		rows = append(rows, row.Native())
		for _, e := range escu.RiskEvents(d, row, window) {
			fields := e.Fields()
			wanted := map[string]any{}
			for key := range example.Risk[0] {
				wanted[key] = fields[key]
			}
			risk = append(risk, wanted)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(native(t, example.Rows), native(t, rows)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(native(t, example.Risk), native(t, risk)); diff != "" {
		t.Errorf("risk events (-want +got):\n%s", diff)
	}
}
