package escu

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

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

var types = []Type{TTP, Anomaly, Hunting, Correlation, Baseline}

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
	// CountsRisk tells that the search is about risk events; [Library.Parse] finds it out.
	CountsRisk bool
	// Throttle suppresses rows with the same values for a while; nil when nothing is.
	Throttle *Throttle

	Stories        []string
	AssetType      string
	SecurityDomain string
	MITRE          []Technique
	CVE            []string
	AtomicIDs      []string
	Products       []string

	// scheduled is the schedule that the file names, at scheduleNode; free tells that it has no times of
	// its own.
	scheduled    string
	scheduleNode *yaml.Node
	free         bool
	root         *yaml.Node
}

// SearchName is the name that Splunk runs the detection by, which its risk events carry.
func (d *Detection) SearchName() string { return "ESCU - " + d.Name + " - Rule" }

// CreatesRisk tells whether rows become risk events.
func (d *Detection) CreatesRisk() bool { return len(d.Scored()) > 0 }

// Scored are the objects that rows become risk events of: the entity of a finding, and the risk
// objects, each field once. A correlation has its entity only, and none when it counts risk itself:
// what it finds would count again in its next run.
func (d *Detection) Scored() []RiskObject {
	var out []RiskObject
	entity := d.Risk.Finding != nil && d.Risk.Finding.Entity.Field != ""
	switch d.Type {
	case Anomaly:
		// It makes no finding; an entity is scored when nothing else is.
		if entity && len(d.Risk.Objects) == 0 {
			return []RiskObject{d.Risk.Finding.Entity}
		}
		return d.Risk.Objects
	case TTP:
		if entity {
			out = append(out, d.Risk.Finding.Entity)
		}
		for _, x := range d.Risk.Objects {
			if !slices.ContainsFunc(out, func(y RiskObject) bool { return y.Field == x.Field }) {
				out = append(out, x)
			}
		}
	case Correlation:
		if entity && !d.CountsRisk {
			out = append(out, d.Risk.Finding.Entity)
		}
	default:
	}
	return out
}

// CreatesFinding tells whether rows become findings, which Splunk calls notables.
func (d *Detection) CreatesFinding() bool { return d.Type == TTP || d.Type == Correlation }

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
	d := &Detection{Path: path, File: o.file, Generation: generation(o), root: o.node}
	for _, key := range []string{"name", "id", "search"} {
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
	tags := o.object("tags")
	readSchedule(o, tags, d)
	readTags(o, d)
	readTags(tags, d)
	readThrottles(d, o, tags, o.object("rba"), o.object("deployment"))
	d.Risk = readRisk(o, tags, d)
	o.ignore("datamodel", "file_path", "validation", "macros", "lookups", "baselines", "deprecation_info", "category", "threat_group", "deployment_info")
	tags.ignore("impact", "confidence", "required_fields", "manual_test", "automated_detection_testing", "dataset", "context", "group",
		"supported_tas", "annotations", "CVE", "nist", "cis20", "kill_chain_phases", "drilldown_search", "risk_severity", "detections",
		"deployments")
	tags.rest()
	o.rest()
	checkRisk(o, d)
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
		if isBaseline(o) {
			return Baseline
		}
		o.report(diag.Error, CodeMissing, o.node, "the file has no type, which says what its rows become: one of TTP, Anomaly, Hunting, Correlation and Baseline")
		return ""
	}
	if t := Type(n.Value); slices.Contains(types, t) {
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

// isBaseline tells the baselines of generation 6, which have no type: they find nothing to be told of, and
// are called so by their schedule or folder, keep what they learn, or have nothing but a schedule.
func isBaseline(o *object) bool {
	told := []string{"finding", "intermediate_findings", "threat_objects", "rba"}
	if slices.ContainsFunc(told, func(key string) bool { return len(o.nodes(key)) > 0 }) {
		return false
	}
	return o.text("schedule") == baselineSchedule || path.Base(path.Dir(o.file.File())) == "baselines" ||
		learns.MatchString(o.text("search")) || o.has("custom_schedule") && !o.has("tags")
}

// learns tells searches that keep what they find for others.
var learns = regexp.MustCompile(`(?i)\|\s*(outputlookup|fit)\b`)

// readTags reads what describes a detection: at the top since generation 6, in tags before. What is
// there goes before what is read later.
func readTags(o *object, d *Detection) {
	one := func(to *string, key string) {
		if v := o.text(key); *to == "" {
			*to = v
		}
	}
	many := func(to *[]string, key string) {
		if v := o.texts(key); len(*to) == 0 {
			*to = v
		}
	}
	many(&d.Stories, "analytic_story")
	one(&d.AssetType, "asset_type")
	one(&d.SecurityDomain, "security_domain")
	many(&d.CVE, "cve")
	many(&d.AtomicIDs, "atomic_guid")
	many(&d.Products, "product")
	if len(d.MITRE) > 0 {
		o.ignore("mitre_attack_id")
		return
	}
	for _, n := range o.nodes("mitre_attack_id") {
		t, known := LookupTechnique(n.Value)
		if !known {
			o.report(diag.Note, CodeUnknownName, n, "%s is no technique of MITRE ATT&CK Enterprise that is known here", n.Value)
		}
		d.MITRE = append(d.MITRE, t)
	}
}

// readThrottles reads the throttling, wherever a generation writes it.
func readThrottles(d *Detection, places ...*object) {
	for _, o := range places {
		if !o.has("throttling") {
			continue
		}
		t := o.object("throttling")
		if throttle := readThrottle(t); d.Throttle == nil {
			d.Throttle = throttle
		}
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
