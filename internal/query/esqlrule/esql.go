package esqlrule

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/query/binding"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/indexname"
	"tocsin/internal/translate"
	"tocsin/internal/translate/esql"
)

// Codes of diagnostics about ES|QL beyond its syntax.
const (
	// CodeRejected marks what Elasticsearch rejects in a query.
	CodeRejected = "esql/rejected"
	// CodeUnavailable marks what this Elasticsearch does not support.
	CodeUnavailable = "esql/unavailable"
	// CodePlace marks a query on event files, which cannot run ES|QL.
	CodePlace = "esql/needs-elasticsearch"
)

// esqlPlan runs a query in Elasticsearch, and makes hits of its rows.
type esqlPlan struct {
	// rule is a copy of the rule with the patterns of the query as its indices.
	rule  *rule.Rule
	query *esql.Query
	time  search.TimeRange
}

// New plans a rule of type esql. Only its query determines which indices are read.
func New(r *rule.Rule) (query.Plan, diag.List) {
	q, diags := esql.Parse(r.Query)
	if q == nil {
		return nil, diags
	}
	for _, name := range q.Patterns() {
		if err := indexname.Check(name); err != nil {
			return nil, append(diags, r.Report(diag.Error, query.CodeIndexName, "rule.query", "%v", err))
		}
	}
	if len(r.Index) > 0 {
		diags = append(diags, r.Report(diag.Warning, query.CodeNotApplied, "rule.index", "rule.index is of no account: the query itself names its indices"))
	}
	p := ForQuery(r, q, query.TimeRange(r))
	prepared, more := p.Assume(binding.TrialTime)
	if prepared == nil {
		return nil, append(diags, more...)
	}
	return p, append(diags, more...)
}

// ForQuery plans a query that has been parsed.
func ForQuery(r *rule.Rule, q *esql.Query, time search.TimeRange) query.Plan {
	own := *r
	own.Index = q.Patterns()
	return &esqlPlan{rule: &own, query: q, time: time}
}

func (p *esqlPlan) Rule() *rule.Rule { return p.rule }

func (p *esqlPlan) Strategy() query.Strategy { return query.ESQL }

func (p *esqlPlan) label() string { return binding.Label(p.rule) }

// Prepare runs the query with a filter that matches nothing, so that Elasticsearch checks it against its indices.
func (p *esqlPlan) Prepare(ctx context.Context, src query.Source) (query.Prepared, diag.List, error) {
	runner, ok := search.As[search.ESQL](src.Events)
	if !ok {
		return nil, diag.List{p.rule.Report(diag.Error, CodePlace, "rule.type",
			"a query in ES|QL needs Elasticsearch: only that can run it, event files cannot")}, nil
	}
	target, partialErr, err := p.resolve(ctx, src)
	if err != nil {
		return nil, nil, err
	}
	gone := target.Missing
	target.Missing = query.NamesAt(p.rule.Index, src.At).Missing(gone, src.Window)
	s, diags := p.bind(target, src.At)
	if s == nil {
		return nil, diags, partialErr
	}
	s.partialErr, s.gone, s.window = partialErr, gone, src.Window
	if s.idle() {
		return s, diags, nil
	}
	sent := s.send(0, src.At)
	// The filter also applies to commands that read by themselves, such as INLINE STATS.
	rows, err := runner.RunESQL(ctx, search.ESQLQuery{Text: sent.Text, Filter: condition.DSL(condition.Const(false))})
	var wrong *search.QueryError
	switch {
	case errors.As(err, &wrong):
		return nil, append(diags, p.problems(sent, wrong)...), nil
	case err == nil:
		s.documents = p.query.Shape().Rows != esql.Made && rows.Column("_id") >= 0 && rows.Column("_index") >= 0
	case failure.KindOf(err) == failure.Partial: // the columns are uncertain
		s.partialErr = errors.Join(partialErr, err)
	default:
		return nil, diags, fmt.Errorf("verify the query of %s: %w", p.label(), err)
	}
	return s, diags, nil
}

// resolve resolves the patterns and the fields of filters and exceptions.
func (p *esqlPlan) resolve(ctx context.Context, src query.Source) (target search.Target, partialErr, err error) {
	if len(p.rule.Index) == 0 {
		return search.Target{Fields: mapping.Assumed()}, nil, nil
	}
	patterns, err := query.NamesAt(p.rule.Index, src.At).Over(src.Window)
	if err == nil {
		target, err = src.Events.Resolve(ctx, patterns, binding.Joined(translate.NarrowingNames(p.rule), p.rule.AlertFields()))
	}
	if err == nil {
		return target, nil, nil
	}
	err = fmt.Errorf("resolve the indices of %s: %w", p.label(), err)
	if failure.KindOf(err) == failure.Partial && len(target.Indices) > 0 {
		return target, err, nil
	}
	return target, nil, err
}

func (p *esqlPlan) Assume(at time.Time) (query.Prepared, diag.List) {
	s, diags := binding.Assume(p.rule, at, p.bind)
	if s == nil {
		return nil, diags
	}
	return s, diags
}

// bind writes the filters and exceptions in Query DSL. They must fit in there completely, as rows made of many documents
// cannot be matched again in memory.
func (p *esqlPlan) bind(target search.Target, at time.Time) (*esqlSearch, diag.List) {
	narrowing, diags := translate.Moment{Fields: target.Fields, Now: at}.Narrow(p.rule)
	if diags.HasErrors() {
		return nil, diags
	}
	where, exact := condition.Pushdown(narrowing.Where, target.Fields)
	if !exact {
		key := "rule.filters"
		if len(p.rule.Filters) == 0 {
			key = "rule.exceptions_list"
		}
		return nil, append(diags, p.rule.Report(diag.Error, query.CodeUnsupported, key,
			"a filter or exception of the rule cannot be said in Query DSL, and the rows of ES|QL cannot be matched again: %s", narrowing.Where))
	}
	if p.rule.ID != "" { // a rule must not count its own alerts
		where = condition.Simplify(condition.And{where, condition.Not{X: condition.Term{Field: binding.OwnRule, Value: p.rule.ID}}})
	}
	return &esqlSearch{plan: p, target: target, where: where, documents: p.query.Shape().Rows == esql.Documents, slot: at}, diags
}

// esqlSearch is an esqlPlan bound to its indices.
type esqlSearch struct {
	plan   *esqlPlan
	target search.Target
	where  condition.Expr
	// gone are the names that match nothing; slot and window are used to resolve date math in names.
	gone   []string
	slot   time.Time
	window window.Window
	// documents: each row stands for a document.
	documents  bool
	partialErr error
}

func (s *esqlSearch) Target() search.Target { return s.target }

// idle reports whether there is nothing to read. A query without indices makes its own rows.
func (s *esqlSearch) idle() bool {
	return len(s.plan.rule.Index) > 0 && len(s.target.Indices) == 0 || s.where == condition.Expr(condition.Const(false))
}

// send writes the query. It resolves date math in names and leaves out names that match nothing, except patterns with a
// star, which may match nothing.
func (s *esqlSearch) send(limit int, at time.Time) esql.Sent {
	missing := slices.DeleteFunc(slices.Clone(s.gone), func(p string) bool { return strings.Contains(p, "*") })
	return s.plan.query.Send(esql.Options{
		Limit: limit, Now: at, Without: missing,
		Names: func(pattern string) []string { return query.NamesAt([]string{pattern}, s.slot).Of(s.window) },
	})
}

// filter returns the Query DSL for one window.
func (s *esqlSearch) filter(w window.Window) condition.Query {
	time := s.plan.time
	time.Window = w
	filter, _ := search.Request{Where: s.where, Time: time}.Body()["query"].(condition.Query)
	return filter
}

// problems reports what Elasticsearch rejects, with places in the text of the rule.
func (p *esqlPlan) problems(sent esql.Sent, e *search.QueryError) diag.List {
	var diags diag.List
	for _, problem := range e.Problems {
		if problem.Line == 0 {
			diags = append(diags, p.rule.Report(diag.Error, CodeRejected, "rule.query", "Elasticsearch refuses the query: %s", problem.Message))
			continue
		}
		span := sent.Span(problem.Line, problem.Column)
		named, within := p.query.CommandAt(span.Start)
		code, message := CodeRejected, problem.Message
		switch {
		case strings.HasPrefix(message, "Unknown function"):
			code, message = CodeUnavailable, "this Elasticsearch has no such function: "+message
		case named != "" && strings.Contains(message, "mismatched input"):
			code, message = CodeUnavailable, "this Elasticsearch has no command "+named+": "+message
		case strings.Contains(message, "license"), strings.Contains(message, "inference"), within == "COMPLETION", within == "RERANK":
			code, message = CodeUnavailable, "this Elasticsearch cannot run "+within+": "+message
		}
		diags = append(diags, p.query.Text().Report(diag.Error, code, span, "%s", message))
	}
	return diags
}

// Trace always fails: only Elasticsearch can evaluate the query.
func (s *esqlSearch) Trace(context.Context, condition.Document) (condition.Trace, error) {
	return condition.Trace{}, errors.New("a query in ES|QL cannot be traced on one event: only Elasticsearch runs it, on all of them")
}

// Explain shows the request as it is sent, except for NOW(), which is replaced by the slot of a run.
func (s *esqlSearch) Explain(w window.Window) query.Explanation {
	p := s.plan
	shown := *s
	if shown.window.Empty() {
		shown.window = w
	}
	s = &shown
	limit, _ := s.limits()
	return query.Explanation{
		RuleID: p.rule.ID, Name: p.rule.Name, Type: string(p.rule.Type), Language: string(rule.ESQL), Strategy: query.ESQL,
		Window: w.String(), TimeField: p.time.Field, TimeFallback: p.time.Fallback, Indices: query.NamesAt(p.rule.Index, s.slot).Of(s.window),
		Query: strings.TrimSpace(p.query.Text().Value), Condition: s.where.String(), Exact: true, Rows: s.rowsInWords(),
		Request: search.ESQLQuery{Text: s.send(limit, time.Time{}).Text, Filter: s.filter(w)}.Body(),
	}
}

func (s *esqlSearch) rowsInWords() string {
	switch shape := s.plan.query.Shape(); {
	case s.documents:
		return "each stands for its document, which the alert is about"
	case shape.Rows == esql.Open:
		return "each stands for its document if the answer has _id and _index, else for itself in its window"
	}
	return "made of many documents: an alert is about a row in its window"
}
