package health

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"tocsin/internal/diag/failure"
	"tocsin/internal/run/pipeline"
)

// Rule is what a [Watch] has to know of the rule of an execution.
type Rule struct {
	ID, Name string
	// Revision changes with the content of the rule.
	Revision string
	// Patterns are the index patterns that it reads.
	Patterns []string
}

// Watch makes findings of executions and probes. It is safe for concurrent use.
type Watch struct {
	board *Board

	mu sync.Mutex
	// doubtful are the findings of executions that the cluster may be the cause of, by holder: the next probe decides.
	doubtful map[string]doubtful
	// unwritten says when places were last found not to work, by who found it: rules, the probe, or the sender.
	unwritten map[place]map[finder]time.Time
	suspect   chan struct{}
	full      chan struct{}
}

type doubtful struct {
	observe func()
	at      time.Time
}

// NewWatch returns a watch that reports to a board.
func NewWatch(b *Board) *Watch {
	return &Watch{board: b, doubtful: map[string]doubtful{}, unwritten: map[place]map[finder]time.Time{}, suspect: make(chan struct{}, 1), full: make(chan struct{}, 1)}
}

// Suspect receives when a probe of the cluster is wanted before it is due.
func (w *Watch) Suspect() <-chan struct{} { return w.suspect }

// Full receives when both probes are wanted before they are due: first whether alerts can be written, then that of the cluster.
func (w *Watch) Full() <-chan struct{} { return w.full }

// ofReading are the kinds that every execution decides, unless its outcome is unknown.
var ofReading = []Kind{Forbidden, IndexClosed, RemoteFailed, ShardsFailed, RuleFailing, RuleCutOff}

// Execution notes the outcome of an execution that ended at a time. An execution that was cancelled says nothing.
func (w *Watch) Execution(x pipeline.Execution, r Rule, at time.Time) {
	if errors.Is(x.Err, context.Canceled) {
		return
	}
	w.mapped(x, r, at)
	w.written(x, at)
	found, known := w.findings(x, r)
	if !known {
		return
	}
	observe := func() { w.board.Examined(x.RuleID, ofReading, found, at.Add(-x.Took), at) }
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(found) > 0 && fromCluster(x.Err) {
		w.doubtful[x.RuleID] = doubtful{observe, at}
		select {
		case w.suspect <- struct{}{}:
		default:
		}
		return
	}
	delete(w.doubtful, x.RuleID)
	observe()
}

// fromCluster reports whether the cause of an error may be that the cluster as a whole does not answer, or accepts nothing.
func fromCluster(err error) bool {
	e, typed := errors.AsType[*failure.Error](err)
	return typed && (e.Kind == failure.Unavailable || e.Kind == failure.Refused && e.Status != http.StatusForbidden)
}

// findings returns what an execution says about its rule and what it reads; known is false if it says nothing.
func (w *Watch) findings(x pipeline.Execution, r Rule) (found []Finding, known bool) {
	if _, unwritten := errors.AsType[*pipeline.WriteError](x.Err); unwritten || x.Failed > 0 && blocked(x.Unwritten) {
		return nil, false
	}
	if x.Status == pipeline.Succeeded || x.Err == nil && x.Left > 0 && x.Failed+x.Risk.Failed == 0 && !x.Diagnostics.HasErrors() {
		return nil, true
	}
	text := named(r) + ": " + oneLine(x.Problem())
	kind := RuleFailing
	switch failure.UnreadOf(x.Err) {
	case failure.Forbidden:
		kind = Forbidden
	case failure.Closed:
		kind = IndexClosed
	case failure.Remote:
		kind = RemoteFailed
	case failure.Shards:
		kind = ShardsFailed
	case "":
		if errors.Is(x.Err, context.DeadlineExceeded) {
			kind, text = RuleCutOff, named(r)+" was cut off: it takes longer than rule-timeout"
		}
		return []Finding{{Kind: kind, Subject: x.RuleID, Text: text}}, true
	}
	patterns := r.Patterns
	if kind == RemoteFailed {
		patterns = remoteOf(patterns)
	}
	for _, name := range unreadNames(x.Err, patterns) {
		found = append(found, Finding{Kind: kind, Subject: name, Text: text})
	}
	return found, true
}

func named(r Rule) string {
	if r.Name == "" {
		return "rule " + r.ID
	}
	return fmt.Sprintf("rule %q", r.Name)
}

// mostText bounds the text of a finding, in bytes.
const mostText = 500

func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > mostText {
		text = strings.ToValidUTF8(text[:mostText], "") + "…"
	}
	return text
}

var (
	notRead   = regexp.MustCompile(`([^\s;]+) was not read: `)
	onIndices = regexp.MustCompile(`on indices \[([^\]]*)\]`)
)

// remoteOf returns the patterns of remote clusters; all if there are none.
func remoteOf(patterns []string) []string {
	if remote := slices.DeleteFunc(slices.Clone(patterns), func(p string) bool { return !strings.Contains(p, ":") }); len(remote) > 0 {
		return remote
	}
	return patterns
}

// mostNames bounds the subjects of one failed read.
const mostNames = 5

// unreadNames returns the places that an error about unread places names; if it names none, the patterns.
func unreadNames(err error, patterns []string) []string {
	var names []string
	for _, m := range notRead.FindAllStringSubmatch(err.Error(), -1) {
		names = append(names, m[1])
	}
	if len(names) == 0 {
		for _, m := range onIndices.FindAllStringSubmatch(err.Error(), -1) {
			names = append(names, strings.Split(m[1], ",")...)
		}
	}
	if len(names) == 0 {
		names = []string{strings.Join(patterns, ",")}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return names[:min(mostNames, len(names))]
}

// mapped notes what an execution has learned of the indices and fields of its rule.
func (w *Watch) mapped(x pipeline.Execution, r Rule, at time.Time) {
	if !x.Resolved {
		return
	}
	var found []Finding
	for _, p := range x.Met() {
		w.board.NoteMet(p)
	}
	for _, p := range x.Patterns {
		if slices.Contains(x.Unread, p) {
			found = append(found, Finding{Kind: PatternVacant, Subject: p, Unknown: true})
		}
	}
	for _, p := range x.Unmet {
		if w.board.Met(p) {
			found = append(found, Finding{Kind: PatternVacant, Subject: p, Text: "no open index matches " + p + " any more"})
		}
	}
	began := at.Add(-x.Took)
	w.board.Examined(x.RuleID, []Kind{PatternVacant}, found, began, at)
	if len(found) > 0 || x.Vacant || failure.UnreadOf(x.Err) != "" || x.Status == pipeline.Failed && !x.Diagnostics.HasErrors() {
		return // nothing is known of fields
	}
	lacks := []string{"#" + r.Revision}
	for _, d := range x.Diagnostics {
		if d.Field != "" {
			lacks = append(lacks, d.Field)
		}
	}
	slices.Sort(lacks[1:])
	lacks = slices.Compact(lacks)
	before, known := w.board.Lacking(x.RuleID)
	if !known || len(before) == 0 || before[0] != lacks[0] || subset(lacks, before) {
		w.board.Examined(x.RuleID, []Kind{FieldsMissing}, nil, began, at)
		if !slices.Equal(before, lacks) {
			w.board.NoteLacking(x.RuleID, lacks)
		}
		return
	}
	gone := slices.DeleteFunc(slices.Clone(lacks), func(f string) bool { return slices.Contains(before, f) })
	w.board.Examined(x.RuleID, []Kind{FieldsMissing}, []Finding{{
		Kind: FieldsMissing, Subject: strings.Join(r.Patterns, ","), Text: named(r) + " tests fields that were mapped before: " + oneLine(strings.Join(gone, ", ")),
	}}, began, at)
}

func subset(some, all []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

// blocked reports whether an alert was rejected because of its destination, and not because of the alert.
func blocked(err error) bool {
	e, typed := errors.AsType[*failure.Error](err)
	return typed && (e.Status == http.StatusForbidden || e.Status == http.StatusUnauthorized ||
		e.Type == "security_exception" || e.Type == "cluster_block_exception" || e.Type == "index_not_found_exception" || e.Type == "index_closed_exception")
}

// written notes what an execution says about the places that it writes to.
func (w *Watch) written(x pipeline.Execution, at time.Time) {
	failed, typed := errors.AsType[*pipeline.WriteError](x.Err)
	why, began := map[pipeline.Written]string{}, at.Add(-x.Took)
	switch {
	case typed:
		why[failed.What] = oneLine(failed.Err.Error())
	case x.Failed > 0 && blocked(x.Unwritten):
		why[pipeline.WrittenAlerts] = oneLine(x.Unwritten.Error())
	}
	succeeded, wrote := x.Status == pipeline.Succeeded, !typed && x.Created > 0 && x.Failed == 0
	found := finder{by: x.RuleID, alone: typed && failed.Sought}
	for what, p := range places {
		text := why[what]
		switch {
		case text != "" && typed && fromCluster(failed.Err):
			w.doubt(string(what)+"/"+x.RuleID, w.suspect, at, func() { w.writing(p, found, text, began, at) })
		case text != "" && p.kind != Blocked: // perhaps nothing can be written
			w.doubt(string(what)+"/"+x.RuleID, w.full, at, func() { w.writing(p, found, text, began, at) })
		case text != "":
			w.doubt(string(what)+"/"+x.RuleID, nil, at, func() { w.writing(p, found, text, began, at) })
		case succeeded && (wrote || what == pipeline.WrittenLedger):
			w.doubt(string(what)+"/"+x.RuleID, nil, at, func() { w.works(p, x.RuleID, began, at) })
		case succeeded:
			w.doubt(string(what)+"/"+x.RuleID, nil, at, func() { w.writing(p, found, "", began, at) })
		}
	}
}

// place is a kind of data that executions write, as a state has it.
type place struct {
	kind    Kind
	subject string
}

var places = map[pipeline.Written]place{
	pipeline.WrittenAlerts:  {Blocked, "alerts"},
	pipeline.WrittenLedger:  {LedgerFailed, "ledger"},
	pipeline.WrittenNotices: {OutboxFailed, "outbox"},
}

// doubt observes at once, or after the probe that ask wants.
func (w *Watch) doubt(about string, ask chan struct{}, at time.Time, observe func()) {
	w.mu.Lock()
	if ask != nil {
		w.doubtful[about] = doubtful{observe, at}
	} else {
		delete(w.doubtful, about)
	}
	w.mu.Unlock()
	if ask == nil {
		observe()
		return
	}
	select {
	case ask <- struct{}{}:
	default:
	}
}

// finder is who finds that a place does not work.
type finder struct {
	// by is the id of a rule, or what else it is called.
	by string
	// alone: that others write to the place does not refute it.
	alone bool
}

// The finders that are no rules: the probe, and the sender of notifications, which alone knows whether they can be read for delivery.
var (
	probed     = finder{by: "probe"}
	delivering = finder{by: "sender", alone: true}
)

// writing notes why a place cannot be written, as far as one knows who looked from began to at; "" if nothing speaks against it.
func (w *Watch) writing(p place, of finder, why string, began, at time.Time) {
	if why == "" {
		w.refuted(p, began, at, func(f finder) bool { return f.by == of.by }, false)
		return
	}
	w.mu.Lock()
	if w.unwritten[p] == nil {
		w.unwritten[p] = map[finder]time.Time{}
	}
	w.unwritten[p][of] = at
	w.mu.Unlock()
	w.board.Examined(w.board.Runner(), []Kind{p.kind}, []Finding{{Kind: p.kind, Subject: p.subject, Text: why}}, began, at)
}

// writable notes that a probe has found that a place can be written. What rules have found stays, until they succeed.
func (w *Watch) writable(p place, at time.Time) {
	w.refuted(p, at, at, func(f finder) bool { return f == probed }, true)
}

// Storable notes whether a probe has found that notifications can be stored, once they could be read for delivery: before that, nobody
// knows whether the outbox works. A cluster that does not answer says nothing.
func (w *Watch) Storable(err error, at time.Time) {
	w.storing(places[pipeline.WrittenNotices], err, at)
}

// Delivering notes whether notifications can be read for delivery.
func (w *Watch) Delivering(err error, at time.Time) {
	p := places[pipeline.WrittenNotices]
	switch {
	case err == nil:
		w.writing(p, delivering, "", at, at)
	case !fromCluster(err) || blocked(err):
		w.writing(p, delivering, oneLine(err.Error()), at, at)
	}
}

// works notes that a rule has written to a place, whoever found it unwritable before, but for those who are the only ones to know.
func (w *Watch) works(p place, rule string, began, at time.Time) {
	w.refuted(p, began, at, func(f finder) bool { return f.by == rule || !f.alone }, true)
}

// refuted drops what some have found before somebody began to look and found nothing; nobody else must have found anything then. sure:
// the place is known to be writable, also if nothing was found here.
func (w *Watch) refuted(p place, began, at time.Time, of func(finder) bool, sure bool) {
	w.mu.Lock()
	before := len(w.unwritten[p])
	maps.DeleteFunc(w.unwritten[p], func(f finder, found time.Time) bool { return of(f) && !began.Before(found) })
	left := len(w.unwritten[p])
	w.mu.Unlock()
	if left == 0 && (sure || before > 0) {
		w.board.Examined(w.board.Runner(), []Kind{p.kind}, nil, began, at)
	}
}

// Writable notes whether a probe has found that alerts can be written. A cluster that does not answer says nothing.
func (w *Watch) Writable(err error, at time.Time) {
	w.storing(places[pipeline.WrittenAlerts], err, at)
}

func (w *Watch) storing(p place, err error, at time.Time) {
	switch {
	case err == nil:
		w.writable(p, at)
	case blocked(err) || failure.KindOf(err) == failure.Rejected:
		w.writing(p, probed, oneLine(err.Error()), at, at)
	}
}

// Probed notes the answer of the cluster to a probe that began at a time. What executions have found in doubt before counts if the cluster
// answers.
func (w *Watch) Probed(err error, began time.Time) {
	var found []Finding
	e, typed := errors.AsType[*failure.Error](err)
	switch {
	case err == nil:
	case errors.Is(err, context.Canceled):
		return
	case typed && e.Kind == failure.Refused && e.Status != http.StatusForbidden:
		found = []Finding{{Kind: Refused, Subject: "cluster", Text: oneLine(err.Error())}}
	case typed && e.Status == http.StatusForbidden: // it answers, and knows who asks
	default:
		found = []Finding{{Kind: Unreachable, Subject: "cluster", Text: oneLine(err.Error())}}
	}
	w.board.Observe(w.board.Runner(), down, found, began)
	w.mu.Lock()
	var observe []func()
	for about, d := range w.doubtful {
		if len(found) > 0 || !d.at.After(began) {
			delete(w.doubtful, about)
		}
		if len(found) == 0 && !d.at.After(began) {
			observe = append(observe, d.observe)
		}
	}
	w.mu.Unlock()
	for _, do := range observe {
		do()
	}
}

// Set notes that something of a kind is wrong or right for this runner: found has what is wrong of that kind, with subjects and texts.
func (w *Watch) Set(k Kind, at time.Time, found ...Finding) {
	for i := range found {
		found[i].Kind, found[i].Text = k, oneLine(found[i].Text)
	}
	w.board.Observe(w.board.Runner(), []Kind{k}, found, at)
}
