package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/cmd/runner/internal/report"
	"tocsin/internal/diag"
	"tocsin/internal/diag/failure"
	"tocsin/internal/run/hunt"
)

// The statuses of a rule of a hunt.
const (
	huntAnswered = "answered"
	// huntVacant: there was no index to search.
	huntVacant = "vacant"
	// huntUnanswered: the rule cannot be answered on these events, or cannot run at all.
	huntUnanswered = "unanswered"
	huntPartial    = "partial"
	huntFailed     = "failed"
)

// huntRow is a rule in the output, as JSON.
type huntRow struct {
	RuleID     string         `json:"rule_id"`
	Name       string         `json:"name"`
	Severity   string         `json:"severity,omitempty"`
	Type       string         `json:"type,omitempty"`
	Language   string         `json:"language,omitempty"`
	Path       string         `json:"path,omitempty"`
	Status     string         `json:"status"`
	Hits       int64          `json:"hits"`
	More       bool           `json:"more_hits,omitempty"`
	Untimed    int64          `json:"untimed_hits,omitempty"`
	RiskEvents int64          `json:"risk_events,omitempty"`
	First      *time.Time     `json:"first"`
	Last       *time.Time     `json:"last"`
	Histogram  *huntHistogram `json:"histogram,omitempty"`
	Reason     string         `json:"reason,omitempty"`
	Warnings   []string       `json:"warnings,omitempty"`

	tally *hunt.Tally
}

// huntHistogram has the counts of consecutive buckets of time.
type huntHistogram struct {
	Start    time.Time `json:"start"`
	Interval float64   `json:"interval_seconds"`
	Counts   []int64   `json:"counts"`
}

// huntTable has the rows of a hunt: most hits first, then the rules without hits, then those without an answer.
type huntTable struct {
	found hunt.Report
	rows  []huntRow
}

func newHuntTable(found hunt.Report, all report.Report) *huntTable {
	t := &huntTable{found: found}
	run := map[string]bool{}
	for _, f := range found.Findings {
		run[f.Rule.ID] = true
		t.rows = append(t.rows, rowOf(f))
	}
	for _, r := range all.Results {
		if r.Status != report.Valid && !run[r.RuleID] {
			t.rows = append(t.rows, huntRow{
				RuleID: r.RuleID, Name: cmp.Or(r.Name, r.Path), Type: r.Type, Language: r.Language, Path: r.Path, Status: huntUnanswered, Reason: firstError(r.Diagnostics),
			})
		}
	}
	slices.SortStableFunc(t.rows, func(a, b huntRow) int {
		return cmp.Or(cmp.Compare(order(a), order(b)), cmp.Compare(b.Hits, a.Hits), cmp.Compare(b.RiskEvents, a.RiskEvents), strings.Compare(a.Name, b.Name), strings.Compare(a.RuleID, b.RuleID))
	})
	return t
}

// order puts rules with hits first, and those without an answer last.
func order(r huntRow) int {
	switch {
	case r.Hits > 0 || r.RiskEvents > 0:
		return 0
	case r.Status == huntAnswered:
		return 1
	}
	return 2
}

func rowOf(f *hunt.Finding) huntRow {
	r := huntRow{
		RuleID: f.Rule.ID, Name: f.Rule.Name, Severity: string(f.Rule.Severity), Type: string(f.Rule.Type), Language: string(f.Rule.Language), Path: f.Rule.Path,
		Status: huntAnswered, Hits: f.Hits, More: f.More, Untimed: f.Untimed, RiskEvents: f.RiskEvents, First: known(f.First), Last: known(f.Last),
		Warnings: f.Warnings, tally: &f.Tally,
	}
	switch {
	case len(f.Refused) > 0:
		r.Status, r.Reason = huntUnanswered, firstError(f.Refused)
	case failure.KindOf(f.Err) == failure.Rejected && f.Err != nil && f.Hits == 0: // what only an index can answer
		r.Status, r.Reason = huntUnanswered, oneLine(f.Err.Error())
	case f.Err != nil && failure.KindOf(f.Err) != failure.Partial && f.Hits == 0:
		r.Status, r.Reason = huntFailed, oneLine(f.Err.Error())
	case f.Err != nil:
		r.Status, r.Reason = huntPartial, oneLine(f.Err.Error())
	case f.Vacant != "":
		r.Status, r.Reason = huntVacant, f.Vacant
	}
	return r
}

// firstError returns the message of the first error, or of the first diagnostic if none is one.
func firstError(l diag.List) string {
	for _, d := range l {
		if d.Severity == diag.Error {
			return d.Message
		}
	}
	if len(l) > 0 {
		return l[0].Message
	}
	return ""
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// jsonBars is the number of buckets in JSON.
const jsonBars = 120

// histogram returns the counts of a row; nil if there are none.
func (t *huntTable) histogram(r huntRow, bars int) *huntHistogram {
	w := t.found.Range
	if r.tally == nil || r.First == nil || w.Empty() {
		return nil
	}
	length := hunt.StepFor(w, bars)
	start := w.From.Add(-time.Duration(w.From.UnixNano() % int64(length)))
	return &huntHistogram{Start: start, Interval: length.Seconds(), Counts: r.tally.Histogram(w, length)}
}

// write writes the rows in the format of the command.
func (t *huntTable) write(a *app) error {
	switch a.global.Format {
	case "csv":
		return t.writeCSV(a.out)
	case "text":
		return t.writeText(a)
	}
	for i := range t.rows {
		t.rows[i].Histogram = t.histogram(t.rows[i], jsonBars)
	}
	if a.global.Format == "ndjson" {
		return writeJSON(a.out, a.global.Format, t.rows)
	}
	type span struct {
		From *time.Time `json:"from"`
		To   *time.Time `json:"to"`
	}
	type events struct {
		Inside  int64 `json:"in_range"`
		Outside int64 `json:"outside_range"`
		Untimed int64 `json:"without_timestamp"`
	}
	out := struct {
		Range  span      `json:"range"`
		Events *events   `json:"events"`
		Rules  []huntRow `json:"rules"`
	}{Range: span{known(t.found.Range.From), known(t.found.Range.To)}, Rules: t.rows}
	if c := t.found.Census; c != nil {
		out.Events = &events{c.Inside, c.Outside, c.Untimed}
	}
	return writeObject(a.out, out)
}

func (t *huntTable) writeCSV(w io.Writer) error {
	lines := [][]string{{"rule_id", "name", "severity", "type", "status", "hits", "risk_events", "first", "last", "reason"}}
	at := func(t *time.Time) string {
		if t == nil {
			return ""
		}
		return t.UTC().Format(time.RFC3339Nano)
	}
	for _, r := range t.rows {
		lines = append(lines, []string{
			r.RuleID, r.Name, r.Severity, r.Type, r.Status, strconv.FormatInt(r.Hits, 10), strconv.FormatInt(r.RiskEvents, 10), at(r.First), at(r.Last), r.Reason,
		})
	}
	return wrapWrite(csv.NewWriter(w).WriteAll(lines))
}

const (
	// fewBars is the least width of a histogram, plainBars that where there is no terminal, and widestName how much of a
	// rule's name has precedence over it.
	fewBars, plainBars, widestName = 16, 40, 48
)

// writeText writes the rules with hits, then those without an answer, and says to people how many there are of each kind.
// Of rules without an index, of which there are most in a large set, it says only that.
func (t *huntTable) writeText(a *app) error {
	hits, quiet := t.split()
	if len(hits) > 0 {
		if err := t.writeHits(a, hits); err != nil {
			return err
		}
	}
	var silent []huntRow
	vacant := 0
	for _, r := range t.rows {
		switch {
		case r.Status == huntVacant:
			vacant++
		case r.Reason != "":
			silent = append(silent, r)
		}
	}
	if len(silent) > 0 {
		if len(hits) > 0 {
			if _, err := io.WriteString(a.out, "\n"); err != nil {
				return wrapWrite(err)
			}
		}
		out := newTable(a.out, "STATUS", "RULE", "REASON")
		for _, r := range silent {
			out.row(r.Status, r.Name, r.Reason)
		}
		if err := out.flush(); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(a.err, t.summary(len(hits), quiet, len(silent), vacant))
	return wrapWrite(err)
}

// split returns the rows with hits, and the number of rules that were answered and have none.
func (t *huntTable) split() (hits []huntRow, quiet int) {
	for _, r := range t.rows {
		switch order(r) {
		case 0:
			hits = append(hits, r)
		case 1:
			quiet++
		}
	}
	return hits, quiet
}

func (t *huntTable) summary(hits, quiet, silent, vacant int) string {
	w, sum := t.found.Range, int64(0)
	for _, r := range t.rows {
		sum += r.Hits
	}
	text := fmt.Sprintf("%s with %s, %d without", count(hits, "rule"), count(int(sum), "hit"), quiet)
	if silent > 0 {
		text += fmt.Sprintf(", %d not answered in full", silent)
	}
	if vacant > 0 {
		text += fmt.Sprintf(", %d without an index to search (the other formats name them)", vacant)
	}
	if c := t.found.Census; c != nil {
		text += "; " + count(int(c.Inside), "event")
	}
	if !w.Empty() {
		text += " from " + w.From.UTC().Format(time.RFC3339) + " to " + w.To.UTC().Format(time.RFC3339)
	}
	return text
}

// writeHits writes the table of rules with hits; its histograms fill the rest of the terminal.
func (t *huntTable) writeHits(a *app, rows []huntRow) error {
	head := []string{"HITS", "SEVERITY", "FIRST", "LAST", "RULE"}
	risky := slices.ContainsFunc(rows, func(r huntRow) bool { return r.RiskEvents > 0 })
	if risky {
		head = slices.Insert(head, 1, "RISK EVENTS")
	}
	cells := make([][]any, len(rows))
	lines := newTable(io.Discard, head...) // measures the columns
	for i, r := range rows {
		hits := strconv.FormatInt(r.Hits, 10)
		if r.More {
			hits += "+"
		}
		cells[i] = []any{hits, r.Severity, inSecond(r.First), inSecond(r.Last), shorten(r.Name, widestName)}
		if risky {
			cells[i] = slices.Insert(cells[i], 1, any(r.RiskEvents))
		}
		lines.row(cells[i]...)
	}
	bars, width := plainBars, widthOf(a.out)
	if width > 0 {
		bars = width
		for _, w := range lines.widths() {
			bars -= w + gap
		}
		bars = max(bars, fewBars)
	}
	title := "HITS OVER TIME"
	if !t.found.Range.Empty() {
		title += ", EACH BAR " + lengthText(hunt.StepFor(t.found.Range, bars))
	}
	if width > 0 {
		title = fmt.Sprintf("%-*s", bars, shorten(title, bars))
	}
	out := newTable(a.out, append(head, title)...)
	for i, r := range rows {
		out.cells(t.bars(r, bars), cells[i]...)
	}
	return out.flush()
}

// lengthText is the length of a bar, such as 30s, 5m, 12h or 7d.
func lengthText(d time.Duration) string {
	text := brief(d)
	for _, end := range []string{"0s", "00m"} {
		if unit, ok := strings.CutSuffix(text, end); ok && strings.HasSuffix(unit, map[string]string{"0s": "m", "00m": "h"}[end]) {
			text = unit
		}
	}
	return text
}

// bars returns the histogram of a row as text.
func (t *huntTable) bars(r huntRow, most int) string {
	h := t.histogram(r, most)
	if h == nil {
		return ""
	}
	return strings.TrimRight(sparkline(h.Counts), " ")
}

// inSecond is the second of a time, a dash for none.
func inSecond(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Truncate(time.Second).Format(time.RFC3339)
}

// sparkline returns a bar for each count, the highest for the largest; a count above 0 is never without a bar.
func sparkline(counts []int64) string {
	const bars = "▁▂▃▄▅▆▇█"
	heights := []rune(bars)
	most := slices.Max(append([]int64{1}, counts...))
	var out strings.Builder
	for _, n := range counts {
		if n == 0 {
			out.WriteByte(' ')
			continue
		}
		out.WriteRune(heights[(n*int64(len(heights))-1)/most])
	}
	return out.String()
}
