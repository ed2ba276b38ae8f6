package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/internal/alert"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

// The fields of alerts that listings show or that make alerts a group.
const (
	originalTime = "kibana.alert.original_time"
	riskScore    = "kibana.alert.risk_score"
	groupID      = "kibana.alert.group.id"
	groupIndex   = "kibana.alert.group.index"
)

// shortID is the length of an id in a table: alerts show takes it.
const shortID = 12

// tablePage is how many alerts a table reads before it writes them.
const tablePage = 100

// alertTable writes alerts as a table, page by page. A sequence or sample is one unit: its alert, and its building
// blocks as a tree below.
type alertTable struct {
	a    *app
	kept alert.Browser
	// fields is the mapping of the alerts.
	fields func(ctx context.Context, names []string) (mapping.Fields, error)
	// waits leaves out building blocks whose alert is not there yet; waiting are their ids.
	waits   bool
	waiting []string

	units  int
	page   []alert.Document
	groups recent
	widths []int
}

func newAlertTable(a *app, b *backend) *alertTable {
	return &alertTable{a: a, kept: b.alerts, fields: func(ctx context.Context, names []string) (mapping.Fields, error) {
		return b.alertFields(ctx, a, false, names)
	}}
}

// add takes an alert in the order of the table. An alert of a group that is in the table already adds nothing.
func (t *alertTable) add(ctx context.Context, d alert.Document) error {
	if g := event.First(d.Source, groupID); g != "" && !t.groups.add(g) {
		return nil
	}
	t.units++
	t.page = append(t.page, d)
	if len(t.page) < tablePage {
		return nil
	}
	return t.flush(ctx)
}

// flush writes the alerts that were added since the last flush.
func (t *alertTable) flush(ctx context.Context) error {
	if len(t.page) == 0 {
		return nil
	}
	groups, err := t.members(ctx)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, d := range t.page {
		group := groups[event.First(d.Source, groupID)]
		switch {
		case group == nil:
			rows = append(rows, alertRow(d, ""))
		case t.waits && isMember(group[0]):
			t.waiting = append(t.waiting, d.ID)
			t.groups.remove(event.First(d.Source, groupID))
		default:
			rows = append(rows, treeRows(group)...)
		}
	}
	t.page = t.page[:0]
	return t.write(rows)
}

// members returns the groups of the page by id: the group's own alert first, if there is one, then its members.
func (t *alertTable) members(ctx context.Context) (map[string][]alert.Document, error) {
	var ids []string
	for _, d := range t.page {
		if g := event.First(d.Source, groupID); g != "" {
			ids = append(ids, g)
		}
	}
	groups, err := alertGroups{t.kept, t.fields}.of(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		slices.SortFunc(g, func(a, b alert.Document) int { return place(a) - place(b) })
	}
	return groups, nil
}

// isMember reports whether an alert is a building block of a group.
func isMember(d alert.Document) bool { return event.First(d.Source, groupIndex) != "" }

// place is the place of an alert in its group; the group's own alert is before its members.
func place(d alert.Document) int {
	n := 0
	if _, err := fmt.Sscan(event.First(d.Source, groupIndex), &n); err != nil {
		return -1
	}
	return n
}

// treeRows are the rows of a group.
func treeRows(group []alert.Document) [][]string {
	var rows [][]string
	if !isMember(group[0]) {
		rows, group = append(rows, alertRow(group[0], "")), group[1:]
	}
	for i, d := range group {
		branch := "├─ "
		if i == len(group)-1 {
			branch = "└─ "
		}
		rows = append(rows, alertRow(d, branch))
	}
	return rows
}

var alertColumns = []string{"EVENT TIME", "SEVERITY", "RISK", "HOST", "USER", "ID", "RULE"}

// The column with the severity, and the columns with text of rules and events, which are narrowed to fit a terminal.
const (
	severityColumn = 1
	hostColumn     = 3
	userColumn     = 4
	ruleColumn     = 6
)

// alertRow is the row of an alert; a building block has a branch, and says what its event is instead of the rule.
func alertRow(d alert.Document, branch string) []string {
	first := func(names ...string) string {
		for _, name := range names {
			if text := event.First(d.Source, name); text != "" {
				return text
			}
		}
		return ""
	}
	at := first(originalTime, "@timestamp")
	if t, _, err := mapping.ParseDate(at, ""); err == nil {
		at = t.UTC().Format(time.RFC3339)
	}
	row := []string{at, first(alert.SeverityField), first(riskScore), first(hostFields...), first(userFields...), d.ID[:min(shortID, len(d.ID))], first(alert.RuleNameField)}
	if branch != "" {
		row[severityColumn], row[severityColumn+1] = "", ""
		row[ruleColumn] = strings.TrimSpace(first("event.category") + " " + first("process.name", "file.name", "event.action", "source.ip"))
	}
	for i := range row {
		row[i] = escaped(row[i])
	}
	row[ruleColumn] = branch + row[ruleColumn]
	return row
}

// severityColours of a terminal.
var severityColours = map[string]string{"critical": "1;31", "high": "31", "medium": "33", "low": "36"}

// write writes rows, with the head before the first. The widths are those of the first rows.
func (t *alertTable) write(rows [][]string) error {
	if len(rows) == 0 {
		return nil
	}
	width := widthOf(t.a.screen)
	if t.widths == nil {
		t.widths = columnWidths(append([][]string{alertColumns}, rows...), width)
		rows = append([][]string{alertColumns}, rows...)
	}
	paint := width > 0 && paints(t.a.screen)
	var out strings.Builder
	for _, row := range rows {
		for i, cell := range row {
			if width > 0 {
				cell = shorten(cell, t.widths[i])
			}
			pad := strings.Repeat(" ", max(0, t.widths[i]-utf8.RuneCountInString(cell))+2)
			if c := severityColours[cell]; paint && i == severityColumn && c != "" {
				cell = "\x1b[" + c + "m" + cell + "\x1b[0m"
			}
			if i == len(row)-1 {
				pad = "\n"
			}
			out.WriteString(cell + pad)
		}
	}
	_, err := fmt.Fprint(t.a.screen, out.String()) // the cells are escaped
	return wrapWrite(err)
}

// columnWidths returns the widths of columns. On a terminal, the widest column with text of rules or events is narrowed until a
// row fits.
func columnWidths(rows [][]string, terminal int) []int {
	widths := make([]int, len(alertColumns))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	const least = 10
	for terminal > 0 {
		sum, widest := 2*(len(widths)-1), ruleColumn
		for _, w := range widths {
			sum += w
		}
		for _, i := range []int{hostColumn, userColumn} {
			if widths[i] > widths[widest] {
				widest = i
			}
		}
		if sum <= terminal || widths[widest] <= least {
			break
		}
		widths[widest]--
	}
	return widths
}

// recent remembers the latest texts, some 100,000 of them.
type recent struct{ now, before map[string]bool }

// maxRecent is the size of one of the two generations.
const maxRecent = 50_000

// add remembers a text; false: it is remembered already.
func (r *recent) add(text string) bool {
	if r.now[text] || r.before[text] {
		return false
	}
	if len(r.now) >= maxRecent {
		r.now, r.before = nil, r.now
	}
	if r.now == nil {
		r.now = map[string]bool{}
	}
	r.now[text] = true
	return true
}

func (r *recent) remove(text string) {
	delete(r.now, text)
	delete(r.before, text)
}
