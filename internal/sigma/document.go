package sigma

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/internal/diag"
	"tocsin/internal/diag/yamltree"
	"tocsin/internal/fieldmap"
	"tocsin/internal/translate/sigma"
)

// Head is what documents of every kind say of themselves.
type Head struct {
	// Path is the file, Line where the document begins in a file of several (else 0), Last its last line.
	Path       string
	Line, Last int
	// Text is the file.
	Text diag.Text

	Title, ID, Name, Description string
	Status, Level                string
	Author, License              string
	Date, Modified               time.Time
	References, FalsePositives   []string
	Fields, Scope, Tags          []string
	Related                      []Related
	// Custom are the keys that are not of the format.
	Custom []string

	// placed is where the document and its keys stand; nil where it could not be read.
	placed *placement
	// customs is the value of custom; nil where there is none.
	customs *yamltree.Node
	// section is where the section stands that says what is found.
	section diag.Span
}

// placement is where a document and its keys stand. Thousands of rules keep it, and not their documents.
type placement struct {
	whole yamltree.Place
	keys  []placedKey
}

type placedKey struct {
	name       string
	key, value yamltree.Place
}

func placementOf(doc *yamltree.Node) *placement {
	p := &placement{doc.Place(), make([]placedKey, len(doc.Members))}
	for i, m := range doc.Members {
		p.keys[i] = placedKey{m.Key.Value, m.Key.Place(), m.Value.Place()}
	}
	return p
}

// Related refers to another rule.
type Related struct{ ID, Type string }

// LogSource says which events a rule is about.
type LogSource = fieldmap.Log

// Rule is a detection rule.
type Rule struct {
	Head
	LogSource LogSource
	Detection *sigma.Detection
	// Filters are those that apply to it.
	Filters  []*Filter
	Schedule Schedule

	// Diags are about the rule; with an error among them it cannot run.
	Diags diag.List
}

var (
	statuses = []string{"stable", "test", "experimental", "deprecated", "unsupported"}
	levels   = []string{"informational", "low", "medium", "high", "critical"}
	uuid     = regexp.MustCompile(`^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$`)
)

// maxTitle is how long a title may be.
const maxTitle = 256

// CheckSelection returns an error if a status or a level is none of the format: no rule could have it.
func CheckSelection(chosenStatuses, chosenLevels []string) error {
	for _, of := range []struct {
		what          string
		chosen, known []string
	}{{"status", chosenStatuses, statuses}, {"level", chosenLevels, levels}} {
		for _, one := range of.chosen {
			if !slices.Contains(of.known, one) {
				return fmt.Errorf("sigma-%s: %q is none of %s", of.what, one, strings.Join(of.known, ", "))
			}
		}
	}
	return nil
}

// readHead reads what is common to all documents.
func readHead(o *object) Head {
	h := Head{Text: o.file, Path: o.file.File(), placed: placementOf(o.node), customs: o.node.Get("custom")}
	if h.Title = o.text("title"); h.Title == "" {
		o.fail(o.key("title"), CodeMissing, "the rule has no title")
	} else if n := utf8.RuneCountInString(h.Title); n > maxTitle {
		o.fail(o.get("title"), CodeValue, "the title has %d characters, and at most %d are allowed", n, maxTitle)
	}
	if h.ID = o.text("id"); h.ID != "" && !uuid.MatchString(h.ID) {
		o.fail(o.get("id"), CodeValue, "the id %q is no UUID", h.ID)
	}
	h.Name, h.Description, h.Author, h.License = o.text("name"), strings.TrimSpace(o.text("description")), o.text("author"), o.text("license")
	h.Status, h.Level = o.word("status", statuses...), o.word("level", levels...)
	h.Date, h.Modified = o.date("date"), o.date("modified")
	h.References, h.FalsePositives = o.texts("references"), o.texts("falsepositives")
	h.Fields, h.Scope, h.Tags = o.texts("fields"), o.texts("scope"), o.texts("tags")
	h.Related = o.related()
	if t := o.text("taxonomy"); t != "" && t != "sigma" {
		o.report(o.get("taxonomy"), diag.Warning, CodeLint, "the names of fields are mapped as those of the taxonomy sigma, and this rule says %s", t)
	}
	return h
}

// date reads a date in either form.
func (o *object) date(key string) time.Time {
	text := o.text(key)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.DateOnly, strings.ReplaceAll(text[:min(10, len(text))], "/", "-"))
	if err != nil {
		o.report(o.get(key), diag.Warning, CodeValue, "the %s %q is no date such as 2026-01-31", key, text)
	}
	return t
}

func (o *object) related() []Related {
	n := o.get("related")
	if n == nil {
		return nil
	}
	var out []Related
	for _, item := range n.Items {
		if item.Kind == yamltree.Map {
			one := newObject(o.file, item, "related", o.diags)
			out = append(out, Related{one.text("id"), one.text("type")})
		}
	}
	if n.Kind != yamltree.List || len(out) < len(n.Items) {
		o.report(n, diag.Warning, CodeSyntax, "related is not a list of id and type")
	}
	return out
}

// logSource reads a log source, which has to say something.
func (o *object) logSource() LogSource {
	n := o.get("logsource")
	if n == nil || n.Kind != yamltree.Map {
		o.fail(o.key("logsource"), CodeMissing, "the rule has no logsource")
		return LogSource{}
	}
	s := newObject(o.file, n, "logsource", o.diags)
	out := LogSource{Category: s.text("category"), Product: s.text("product"), Service: s.text("service")}
	if out == (LogSource{}) {
		o.fail(n, CodeMissing, "logsource has none of category, product and service")
	}
	return out
}

// readRule reads a detection rule.
func readRule(o *object, options sigma.Options) *Rule {
	r := &Rule{Head: readHead(o)}
	r.LogSource = o.logSource()
	if n := o.get("detection"); n == nil {
		o.fail(o.key("detection"), CodeMissing, "the rule has no detection")
	} else {
		options.Section = "detection"
		var diags diag.List
		r.Detection, diags = sigma.Parse(o.file, n, options)
		*o.diags = append(*o.diags, diags...)
		r.section = sectionOf(o.file, o.node, "detection")
	}
	r.Schedule = o.schedule()
	o.asked["regression_tests_path"] = true // the command test runs them
	r.Custom = o.custom()
	if r.ID == "" && r.Title != "" {
		r.ID = derivedID(r.Title, r.LogSource)
		o.report(o.key("title"), diag.Warning, CodeMissing, "the rule has no id: alerts are known by %s, which another title or log source changes", r.ID)
	}
	if r.Level == "" {
		o.report(o.key("title"), diag.Note, CodeLint, "the rule has no level: it counts as medium")
	}
	return r
}

// derivedID is the id of a rule that has none.
func derivedID(title string, s LogSource) string {
	sum := sha256.Sum256([]byte(title + "\x00" + s.String()))
	return "sigma-" + hex.EncodeToString(sum[:12])
}
