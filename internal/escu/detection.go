package escu

import (
	"fmt"
	"strconv"
	"time"

	"tocsin/internal/diag"
)

// Type is the kind of a detection; it says what its rows become.
type Type string

// The types.
const (
	TTP         Type = "TTP"
	Anomaly     Type = "Anomaly"
	Hunting     Type = "Hunting"
	Correlation Type = "Correlation"
	Baseline    Type = "Baseline"
)

// Generation is the form of a detection file.
type Generation int

// The generations: contentctl 4 (risk in tags), contentctl 5 (rba), and ESCU 6 (all on top).
const (
	V4 Generation = iota + 1
	V5
	V6
)

// Detection is a detection of any generation, with defaults filled in.
type Detection struct {
	// Path is the file, File its text, for places.
	Path string
	File diag.Text

	Generation  Generation
	ID, Name    string
	Version     int
	Author      string
	Status      string
	Type        Type
	Description string
	// Created and Modified are dates as written; older files have the latter only.
	Created, Modified string
	DataSources       []string
	Search            diag.Text
	HowToImplement    string
	FalsePositives    string
	References        []string
	Drilldowns        []Drilldown
	Tests             []Test
	// Enabled is nil when the file does not say; Splunk ships detections disabled.
	Enabled *bool

	Schedule Schedule
	Risk     Risk
	// Throttle suppresses rows with the same values for a while; nil when nothing is.
	Throttle *Throttle

	Stories        []string
	AssetType      string
	SecurityDomain string
	MITRE          []Technique
	CVE            []string
	AtomicIDs      []string
	Products       []string
}

// SearchName is the name that Splunk runs the detection by, which its risk events carry.
func (d *Detection) SearchName() string { return "ESCU - " + d.Name + " - Rule" }

// CreatesRisk tells whether rows become risk events.
func (d *Detection) CreatesRisk() bool {
	return (d.Type == TTP || d.Type == Anomaly) && len(d.Risk.Objects) > 0
}

// CreatesFinding tells whether rows become findings, which Splunk calls notables.
func (d *Detection) CreatesFinding() bool { return d.Type == TTP || d.Type == Correlation }

// Drilldown is a search that an analyst begins with.
type Drilldown struct {
	Name, Search     string
	Earliest, Latest string
}

// Test names recorded events that the detection finds.
type Test struct {
	Name, Kind string
	Data       []TestData
	// Expected is the number of rows at least.
	Expected int
}

// TestData is one file of recorded events.
type TestData struct{ URL, Source, SourceType, Index string }

// Throttle is what is suppressed, and for how long.
type Throttle struct {
	Fields []string
	// Period is Text as a length of time.
	Period time.Duration
	Text   string
}

// readDetection reads any generation, as far as it can be read.
func readDetection(o *object, path string) *Detection {
	d := &Detection{Path: path, File: o.file, Generation: generation(o)}
	for _, key := range []string{"name", "id", "type", "search"} {
		o.want(key)
	}
	d.Name, d.ID, d.Author, d.Status = o.text("name"), o.text("id"), o.text("author"), o.text("status")
	d.Version = o.number("version", 1)
	d.Description, d.HowToImplement, d.FalsePositives = o.text("description"), o.text("how_to_implement"), o.text("known_false_positives")
	d.Created, d.Modified = o.text("creation_date"), o.text("modification_date")
	if date := o.text("date"); d.Modified == "" {
		d.Modified = date
	}
	d.Search = o.source("search")
	d.DataSources = append(o.texts("data_source"), o.texts("data_sources")...)
	d.References, d.Enabled = o.texts("references"), o.flag("enabled_by_default")
	d.Type = readType(o)
	d.Drilldowns = readDrilldowns(o)
	d.Tests = readTests(o)
	d.Schedule = readSchedule(o, d.Type)
	tags := o
	if d.Generation != V6 {
		tags = o.object("tags")
	}
	readTags(tags, d)
	d.Risk = readRisk(o, tags, d)
	o.ignore("datamodel", "file_path", "validation", "macros", "lookups", "baselines", "deprecation_info", "category", "threat_group", "deployment_info")
	tags.ignore("impact", "confidence", "required_fields", "manual_test", "automated_detection_testing", "dataset", "context", "group",
		"supported_tas", "annotations", "CVE", "nist", "cis20", "kill_chain_phases", "drilldown_search", "risk_severity")
	if tags != o {
		tags.rest()
	}
	o.rest()
	return d
}

// generation tells the forms apart by the keys that only one of them has.
func generation(o *object) Generation {
	switch {
	case o.has("rba"):
		return V5
	case o.has("creation_date"), o.has("finding"), o.has("intermediate_findings"), o.has("mitre_attack_id"), o.has("analytic_story"):
		return V6
	case o.has("tags"):
		tags := o.object("tags")
		if tags.has("observable") || tags.has("risk_score") || tags.has("message") {
			return V4
		}
	}
	return V5
}

func readType(o *object) Type {
	n := o.scalar("type")
	if n == nil {
		return ""
	}
	switch t := Type(n.Value); t {
	case TTP, Anomaly, Hunting, Correlation, Baseline:
		return t
	}
	o.report(diag.Error, CodeValue, n, "the type %s is none of TTP, Anomaly, Hunting, Correlation and Baseline", n.Value)
	return ""
}

func readDrilldowns(o *object) []Drilldown {
	var out []Drilldown
	for _, d := range o.objects("drilldown_searches") {
		out = append(out, Drilldown{d.text("name"), d.text("search"), d.text("earliest_offset"), d.text("latest_offset")})
		d.rest()
	}
	return out
}

func readTests(o *object) []Test {
	var out []Test
	for _, t := range o.objects("tests") {
		test := Test{Name: t.text("name"), Kind: t.text("test_type"), Expected: t.number("expected_results", 1)}
		for _, a := range t.objects("attack_data") {
			test.Data = append(test.Data, TestData{a.text("data"), a.text("source"), a.text("sourcetype"), a.text("custom_index")})
			a.ignore("update_timestamp", "file_name", "host")
			a.rest()
		}
		t.ignore("description", "earliest_time", "latest_time", "pass_condition", "file", "baselines")
		t.rest()
		out = append(out, test)
	}
	return out
}

func readTags(o *object, d *Detection) {
	d.Stories, d.AssetType, d.SecurityDomain = o.texts("analytic_story"), o.text("asset_type"), o.text("security_domain")
	d.CVE, d.AtomicIDs, d.Products = o.texts("cve"), o.texts("atomic_guid"), o.texts("product")
	for _, n := range o.nodes("mitre_attack_id") {
		t, known := LookupTechnique(n.Value)
		if !known {
			o.report(diag.Warning, CodeUnknownName, n, "%s is no technique of MITRE ATT&CK Enterprise that is known here", n.Value)
		}
		d.MITRE = append(d.MITRE, t)
	}
	if o.has("throttling") {
		t := o.object("throttling")
		d.Throttle = readThrottle(t)
		t.rest()
	}
}

func readThrottle(o *object) *Throttle {
	t := &Throttle{Fields: o.texts("fields"), Text: o.text("period")}
	var err error
	if t.Period, err = period(t.Text); err != nil {
		o.report(diag.Error, CodeValue, o.get("period"), "%v", err)
	}
	return t
}

// periods are the units of a length of time.
var periods = map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}

// period reads a length of time such as 86300s or 1d; a number alone is seconds.
func period(text string) (time.Duration, error) {
	digits, unit := text, time.Second
	if text != "" {
		if u, ok := periods[text[len(text)-1]]; ok {
			digits, unit = text[:len(text)-1], u
		}
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n <= 0 || n > 1<<31 {
		return 0, fmt.Errorf("%q is no length of time such as 3600s or 1d", text)
	}
	return time.Duration(n) * unit, nil
}
