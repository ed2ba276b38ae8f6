package anomaly_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/query"
	"tocsin/internal/query/plans"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/testkit/trial"
)

const anomalyLines = `
machine_learning_job_id = ["v3_rare_ea", "v3_never_ea"]
anomaly_threshold = 50
`

const anomalies = `
.ml-anomalies-shared/v3_rare_ea_record_1 {"job_id":"v3_rare_ea","result_type":"record","is_interim":false,"record_score":50,"timestamp":1768478340000,"detector_index":0,"function":"rare","by_field_name":"process.name","by_field_value":"nc","partition_field_name":"host.name","partition_field_value":"web","influencers":[{"influencer_field_name":"user.name","influencer_field_values":["eve","mallory"]},{"influencer_field_name":"process.name","influencer_field_values":["nc"]}],"user.name":["eve","mallory"],"process.name":["nc"],"host.name":["web"]}
.ml-anomalies-shared/below {"job_id":"v3_rare_ea","result_type":"record","is_interim":false,"record_score":49.99,"timestamp":1768478340000}
.ml-anomalies-shared/interim {"job_id":"v3_rare_ea","result_type":"record","is_interim":true,"record_score":90,"timestamp":1768478340000}
.ml-anomalies-shared/bucket {"job_id":"v3_rare_ea","result_type":"bucket","is_interim":false,"anomaly_score":90,"record_score":90,"timestamp":1768478340000}
.ml-anomalies-shared/otherjob {"job_id":"v3_rare","result_type":"record","is_interim":false,"record_score":90,"timestamp":1768478340000}
.ml-anomalies-shared/first {"job_id":"v3_rare_ea","result_type":"record","is_interim":false,"record_score":90.5,"timestamp":1768477800000,"over_field_name":"source.ip","over_field_value":"10.0.0.1"}
.ml-anomalies-shared/early {"job_id":"v3_rare_ea","result_type":"record","is_interim":false,"record_score":90,"timestamp":1768477799999}
.ml-anomalies-custom-x/own {"job_id":"v3_rare_ea","result_type":"record","is_interim":false,"record_score":90,"timestamp":1768478399999}
.ml-anomalies-shared/late {"job_id":"v3_rare_ea","result_type":"record","is_interim":false,"record_score":90,"timestamp":1768478400000}
logs-a/other {"job_id":"v3_rare_ea","result_type":"record","is_interim":false,"record_score":90,"timestamp":1768478340000}
`

func TestAnomalies(t *testing.T) {
	hits, result, diags := trial.Run(t, trial.Rule(t, "machine_learning", anomalyLines), trial.Events(t, anomalies))
	if got := trial.IDs(hits); got != "first v3_rare_ea_record_1 own" {
		t.Fatalf("hits: %s", got)
	}
	if result.Total != 3 || !result.Exact {
		t.Errorf("%+v", result)
	}
	const warning = "r.toml:10:27: warning: no result of job [v3_never_ea] is in .ml-anomalies-*: is it started? [anomaly/missing-job]"
	if len(diags) != 1 || diags[0].Error() != warning {
		t.Errorf("%v", diags)
	}
	var got map[string]any
	if err := json.Unmarshal(hits[1].Event.Source, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"@timestamp": "2026-01-15T11:59:00.000Z", "timestamp": 1768478340000.0,
		"job_id": "v3_rare_ea", "result_type": "record", "is_interim": false, "record_score": 50.0, "detector_index": 0.0, "function": "rare",
		"by_field_name": "process.name", "by_field_value": "nc", "partition_field_name": "host.name", "partition_field_value": "web",
		"influencers": []any{
			map[string]any{"influencer_field_name": "user.name", "influencer_field_values": []any{"eve", "mallory"}},
			map[string]any{"influencer_field_name": "process.name", "influencer_field_values": []any{"nc"}},
		},
		"user": map[string]any{"name": []any{"eve", "mallory"}}, "process": map[string]any{"name": []any{"nc"}}, "host": map[string]any{"name": []any{"web"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnomaliesOfNothing(t *testing.T) {
	hits, _, diags := trial.Run(t, trial.Rule(t, "machine_learning", anomalyLines), trial.Events(t, `logs-a/other {"job_id":"v3_rare_ea"}`))
	const warning = "r.toml:10:27: warning: no result of job [v3_rare_ea], [v3_never_ea] is in .ml-anomalies-*: is it started? [anomaly/missing-job]"
	if len(hits) > 0 || len(diags) != 1 || diags[0].Error() != warning {
		t.Errorf("%v %v", hits, diags)
	}
}

// An entity field whose name meets a value of the record stays one key.
func TestAnomalyNames(t *testing.T) {
	for _, tt := range []struct{ record, want string }{
		{`"by_field_name":"job_id.x","by_field_value":"v"`, `"job_id.x":["v"]`},
		{`"by_field_name":"a","by_field_value":"v","over_field_name":"a.b","over_field_value":"w"`, `"a":["v"],"a.b":["w"]`},
		{`"by_field_name":"a.b","by_field_value":"v","over_field_name":"a","over_field_value":"w"`, `"a":["w"],"a.b":["v"]`},
		{`"by_field_name":"process.pid","by_field_value":"7","partition_field_name":"process.name","partition_field_value":"sh"`, `"process":{"pid":["7"],"name":["sh"]}`},
		{`"by_field_name":"a.b"`, ``},
		{`"influencers":[{"influencer_field_name":"a.b","influencer_field_values":[]}]`, ``},
	} {
		const head = `"job_id":"v3_rare_ea","result_type":"record","is_interim":false,"record_score":90,"timestamp":1768478340000,`
		hits, _, _ := trial.Run(t, trial.Rule(t, "machine_learning", anomalyLines), trial.Events(t, ".ml-anomalies-x/1 {"+head+tt.record+"}"))
		if len(hits) != 1 {
			t.Fatalf("%s: %d hits", tt.record, len(hits))
		}
		doc, err := hits[0].Event.Document()
		if err != nil {
			t.Fatal(err)
		}
		text := "{" + head + tt.record + `,"@timestamp":"2026-01-15T11:59:00.000Z"`
		if tt.want != "" {
			text += "," + tt.want
		}
		var want map[string]any
		if err := json.Unmarshal([]byte(text+"}"), &want); err != nil {
			t.Fatal(err)
		}
		normal, _ := json.Marshal(doc.Source)
		var got map[string]any
		if err := json.Unmarshal(normal, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.record, diff)
		}
	}
}

func TestAnomalyExplain(t *testing.T) {
	plan, diags := plans.For(trial.Rule(t, "machine_learning", anomalyLines))
	if plan == nil || len(diags) > 0 || plan.Strategy() != query.Anomaly {
		t.Fatal(diags)
	}
	prepared, _ := plan.Assume(time.Time{})
	reads := prepared.(query.Reader).Reads(window.Window{From: trial.Noon.Add(-time.Hour), To: trial.Noon})
	if len(reads) != 1 || !reads[0].SearchOnly {
		t.Errorf("reads %+v", reads)
	}
	e := prepared.Explain(window.Window{From: trial.Noon.Add(-time.Hour), To: trial.Noon})
	const query = "result_type:record and is_interim:false and record_score >= 50 and job_id:(v3_rare_ea or v3_never_ea)"
	const condition = `(and (term result_type "record") (term is_interim false) (range record_score gte 50) (terms job_id "v3_rare_ea" "v3_never_ea"))`
	if e.Query != query || e.Condition != condition || e.Strategy != "anomaly" || e.Path() != "/.ml-anomalies-*/_search?ignore_unavailable=true&allow_no_indices=true" {
		t.Errorf("%+v", e)
	}
}

// A star is every job, as Kibana has it.
func TestAnomaliesOfAllJobs(t *testing.T) {
	const lines = "machine_learning_job_id = \"*\"\nanomaly_threshold = 50\nindex = [\"logs-*\"]\n"
	hits, _, diags := trial.Run(t, trial.Rule(t, "machine_learning", lines), trial.Events(t, anomalies))
	if got := trial.IDs(hits); got != "other" || len(diags) > 0 {
		t.Errorf("hits: %s, %v", got, diags)
	}
}
