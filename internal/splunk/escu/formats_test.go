package escu_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/diag"
	"tocsin/internal/splunk"
	"tocsin/internal/splunk/escu"
)

// running is a test or a check of one.
type running interface {
	Helper()
	Fatal(args ...any)
	Context() context.Context
}

func loadFS(t running, files map[string]string) (*escu.Library, diag.List) {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, content := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(content)}
	}
	l, diags, err := escu.Load(t.Context(), fsys, ".")
	if err != nil {
		t.Fatal(err)
	}
	return l, diags
}

// TestSuperseded wants one file of a detection to count of those in different formats, whatever files there
// are in whatever order, and every other to be named.
func TestSuperseded(t *testing.T) {
	heads := map[int]string{
		4: "tags: {risk_score: 10, message: m, observable: [{name: u, type: User, role: [Victim]}]}\n",
		5: "rba: {message: m, risk_objects: [{field: u, type: user, score: 10}]}\n",
		6: "creation_date: '2026-01-01'\nfinding: {title: t, entity: {field: u, type: user, score: 10}}\n",
	}
	rapid.Check(t, func(t *rapid.T) {
		files := map[string]string{}
		bestFormat, bestVersion := 0, 0
		formats := rapid.SliceOfNDistinct(rapid.IntRange(4, 6), 1, 3, rapid.ID).Draw(t, "formats")
		for i, format := range formats {
			version := rapid.IntRange(1, 3).Draw(t, "version")
			if version > bestVersion || version == bestVersion && format > bestFormat {
				bestFormat, bestVersion = format, version
			}
			files[fmt.Sprintf("%c%d.yml", rapid.SampledFrom([]rune("abc")).Draw(t, "name"), i)] = fmt.Sprintf("name: N\nid: one\nversion: %d\ntype: TTP\nsearch: u=1\n%s", version, heads[format])
		}
		l, diags := loadFS(t, files)
		if len(l.Detections) != 1 {
			t.Fatalf("%d count", len(l.Detections))
		}
		if d := l.Detections[0]; d.Version != bestVersion || int(d.Generation)+3 != bestFormat || len(d.Scored()) != 1 {
			t.Fatalf("version %d in format %d counts, not %d in %d", d.Version, d.Generation+3, bestVersion, bestFormat)
		}
		notes := 0
		for _, d := range diags {
			if d.Code == escu.CodeSuperseded && d.Severity == diag.Note {
				notes++
			}
		}
		if notes != len(formats)-1 {
			t.Fatalf("%d notes of %d files", notes, len(formats))
		}
	})
}

func TestTimetables(t *testing.T) {
	head := "name: %s\nid: %s\ntype: %s\nsearch: a=1\n"
	l, diags := loadFS(t, map[string]string{
		"schedules/half.yml":     "name: Half\ncron_schedule: '*/30 * * * *'\nearliest_time: -40m@m\nlatest_time: -10m@m\nschedule_window: auto\n",
		"deployments/ttp.yml":    "name: All TTP\ntype: TTP\nscheduling: {cron_schedule: '5 * * * *', earliest_time: -65m@m, latest_time: -5m@m, schedule_window: auto}\nalert_action: {rba: {enabled: true}}\n",
		"named.yml":              fmt.Sprintf(head, "Named", "1", "Anomaly") + "schedule: Half\n",
		"typed.yml":              fmt.Sprintf(head, "Typed", "2", "TTP"),
		"own.yml":                fmt.Sprintf(head, "Own", "3", "TTP") + "custom_schedule: {cron_schedule: '7 * * * *', earliest_time: -60m, latest_time: now}\n",
		"inline.yml":             fmt.Sprintf(head, "Inline", "4", "TTP") + "deployment: {scheduling: {cron_schedule: '8 * * * *', earliest_time: -60m, latest_time: now, schedule_window: auto}}\n",
		"tagged.yml":             fmt.Sprintf(head, "Tagged", "5", "Hunting") + "tags: {custom_schedule: {cron_schedule: '9 * * * *', earliest_time: -60m, latest_time: now, schedule_window: auto}, throttling: {fields: [a], period: 1h}}\n",
		"usual.yml":              fmt.Sprintf(head, "Usual", "6", "Hunting") + "throttling: {fields: [a], period: 60}\n",
		"baselines/learn.yml":    "name: Learn\nid: '7'\nsearch: a=1 | stats count\n",
		"scheduled.yml":          "name: Scheduled\nid: '8'\nschedule: Default Baseline\nsearch: a=1 | stats count\n",
		"unknown.yml":            fmt.Sprintf(head, "Unknown", "9", "Hunting") + "schedule: Nowhere\n",
		"foreign/deployment.yml": "kind: Deployment\nspec: {search: x}\n",
	})
	got := map[string]string{}
	for _, d := range l.Detections {
		got[d.Name] = d.Schedule.Cron
		if d.Throttle != nil {
			got[d.Name] += " " + d.Throttle.Period.String()
		}
	}
	want := map[string]string{
		"Named": "*/30 * * * *", "Typed": "5 * * * *", "Own": "7 * * * *", "Inline": "8 * * * *", "Tagged": "9 * * * * 1h0m0s", "Usual": "0 * * * * 1m0s",
		"Learn": "10 0 * * *", "Scheduled": "10 0 * * *", "Unknown": "0 * * * *",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(diags) != 1 || !strings.Contains(diags[0].Message, "the schedule Nowhere is not known") || diags[0].Line == 0 {
		t.Errorf("%v", diags)
	}
}

func TestRowSays(t *testing.T) {
	d, _ := detection(t, generations["v5"])
	text := splunk.Text
	type event struct {
		Score   float64
		Message string
		MITRE   []string
	}
	for name, tt := range map[string]struct {
		row  splunk.Row
		want event
	}{
		"nothing":           {splunk.Row{}, event{20, "ann on $dest$", []string{"T1105"}}},
		"a score":           {splunk.Row{"risk_score": splunk.Number(90)}, event{90, "ann on $dest$", []string{"T1105"}}},
		"above a hundred":   {splunk.Row{"risk_score": text("250")}, event{250, "ann on $dest$", []string{"T1105"}}},
		"none":              {splunk.Row{"risk_score": text("0")}, event{0, "ann on $dest$", []string{"T1105"}}},
		"a part":            {splunk.Row{"risk_score": text("12.5")}, event{12.5, "ann on $dest$", []string{"T1105"}}},
		"no number":         {splunk.Row{"risk_score": text("high")}, event{20, "ann on $dest$", []string{"T1105"}}},
		"several":           {splunk.Row{"risk_score": splunk.Texts([]string{"1", "2"})}, event{20, "ann on $dest$", []string{"T1105"}}},
		"a message":         {splunk.Row{"risk_message": text("so $user$ it is")}, event{20, "so $user$ it is", []string{"T1105"}}},
		"techniques":        {splunk.Row{"annotations.mitre_attack": splunk.Texts([]string{"T1110", "T1003.001"})}, event{20, "ann on $dest$", []string{"T1110", "T1003.001"}}},
		"techniques in one": {splunk.Row{"annotations.mitre_attack": text("T1110, T9999")}, event{20, "ann on $dest$", []string{"T1110", "T9999"}}},
	} {
		tt.row["user"] = text("ann")
		events := escu.RiskEvents(d, tt.row, window(12))
		if len(events) != 1 {
			t.Errorf("%s: %d events", name, len(events))
			continue
		}
		got := event{Score: events[0].Score, Message: events[0].Message}
		for _, m := range events[0].MITRE {
			got.MITRE = append(got.MITRE, m.ID)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestScored requires that each field is scored once, by the finding first, and not at all by types without risk.
func TestScored(t *testing.T) {
	entity := escu.RiskObject{Field: "dest", Type: "system", Score: 50}
	user, again := escu.RiskObject{Field: "user", Type: "user", Score: 30}, escu.RiskObject{Field: "dest", Type: "system", Score: 90}
	for _, tt := range []struct {
		kind    escu.Type
		counts  bool
		finding bool
		objects []escu.RiskObject
		want    []escu.RiskObject
	}{
		{escu.TTP, false, true, nil, []escu.RiskObject{entity}},
		{escu.TTP, false, true, []escu.RiskObject{user, again}, []escu.RiskObject{entity, user}},
		{escu.TTP, false, false, []escu.RiskObject{user, again, again}, []escu.RiskObject{user, again}},
		{escu.Anomaly, false, false, []escu.RiskObject{user}, []escu.RiskObject{user}},
		{escu.Anomaly, false, true, nil, []escu.RiskObject{entity}},
		{escu.Correlation, false, true, []escu.RiskObject{user}, []escu.RiskObject{entity}},
		{escu.Correlation, true, true, nil, nil},
		{escu.Correlation, false, false, []escu.RiskObject{user}, nil},
		{escu.Hunting, false, true, []escu.RiskObject{user}, nil},
		{escu.Baseline, false, false, []escu.RiskObject{user}, nil},
	} {
		d := escu.Detection{Type: tt.kind, CountsRisk: tt.counts, Risk: escu.Risk{Objects: tt.objects}}
		if tt.finding {
			d.Risk.Finding = &escu.Finding{Title: "t", Entity: entity}
		}
		if diff := cmp.Diff(tt.want, d.Scored()); diff != "" {
			t.Errorf("%s, %v, %v (-want +got):\n%s", tt.kind, tt.finding, tt.objects, diff)
		}
	}
}

// TestNotLoadedIsNamed wants every file that is meant for a detection and cannot be one to be named, and no
// other file.
func TestNotLoadedIsNamed(t *testing.T) {
	tail := "how_to_implement: h\ntags: {analytic_story: [A]}\n"
	for name, tt := range map[string]struct{ content, want string }{
		"no type":         {"name: N\nid: 1\nsearch: a=1\n" + tail, "has no type"},
		"an empty type":   {"name: N\nid: 1\ntype:\nsearch: a=1\n" + tail, "has no type"},
		"another type":    {"name: N\nid: 1\ntype: ttp\nsearch: a=1\n" + tail, "the type ttp is none of"},
		"no search":       {"name: N\nid: 1\ntype: TTP\n" + tail, "has no search"},
		"an empty search": {"name: N\nid: 1\ntype: TTP\nsearch:\n" + tail, "has no search"},
		"no name":         {"id: 1\ntype: TTP\nsearch: a=1\n" + tail, "has no name"},
		"no id":           {"name: N\ntype: TTP\nsearch: a=1\n" + tail, "has no id"},
		"a list":          {"name: N\nid: 1\ntype: TTP\nsearch: [a=1]\n" + tail, "search is not a text"},
		"broken":          {"name: N\n  id: 1\nsearch: a=1\n", "d.yml"},
		"a story":         {"name: Story\nid: 1\nversion: 1\ndescription: d\nnarrative: n\ntags: {category: [x]}\n", ""},
		"a playbook":      {"name: P\nid: 1\ntype: Investigation\nplaybook: x\ntags: {platform_tags: [x]}\n", ""},
		"a manifest":      {"apiVersion: v1\nkind: Service\nspec: {type: ClusterIP}\n", ""},
		"a chart":         {"name: c\nsearch: {type: box}\n", ""},
	} {
		l, diags := loadFS(t, map[string]string{"d.yml": tt.content})
		switch text := fmt.Sprint(diags.Err()); {
		case tt.want == "" && (diags.HasErrors() || len(l.Broken) > 0):
			t.Errorf("%s: %s", name, text)
		case tt.want != "" && (!strings.Contains(text, tt.want) || !strings.Contains(text, "d.yml") || len(l.Broken) != 1):
			t.Errorf("%s: %s, %d broken; want %s", name, text, len(l.Broken), tt.want)
		}
	}
}
