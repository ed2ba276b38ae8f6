package elastic

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/alert"
	"tocsin/internal/match/condition"
	"tocsin/internal/search"
)

var _ alert.Instances = (*Alerts)(nil)

// maxInstances is the number of instances in one search; Elasticsearch allows 65,536 terms.
const maxInstances = 2000

// Find passes the alerts about instances to visit, from all indices of the alias. It fails if the mapping of
// one index would hide alerts. Before Install there are none. The revision is the sequence number and primary
// term of the document.
func (a *Alerts) Find(ctx context.Context, q alert.InstanceQuery, visit func(alert.Document) (bool, error)) error {
	if len(q.Instances) == 0 {
		return nil
	}
	if err := a.findable(ctx); err != nil {
		return err
	}
	if q.Fresh {
		if err := a.refresh(ctx); err != nil {
			return err
		}
	}
	instances := slices.Compact(slices.Sorted(slices.Values(q.Instances)))
	for part := range slices.Chunk(instances, maxInstances) {
		op := fmt.Sprintf("find alerts of %d instances [%s]", len(part), a.alias)
		more, none := true, true
		_, err := newPager(a.client, op, []string{a.alias}, instanceSearch(q, part), listPage).run(ctx, func(hits []hit) (bool, error) {
			none = false
			for _, h := range hits {
				doc, err := h.alertToUpdate()
				if err != nil {
					return false, err
				}
				if more, err = visit(doc); err != nil || !more {
					return false, err
				}
			}
			return true, nil
		})
		if err == nil && none {
			err = a.readable(ctx)
		}
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// instanceSearch returns the search for some instances of a query.
func instanceSearch(q alert.InstanceQuery, instances []string) condition.Query {
	filter := []condition.Query{{"terms": condition.Query{"kibana.alert.instance.id": instances}}}
	if q.RuleID != "" {
		filter = append(filter, condition.Query{"term": condition.Query{"kibana.alert.rule.rule_id": q.RuleID}})
	}
	if since, ok := q.Limit(); ok {
		after := condition.Query{"gte": since.UTC().Format("2006-01-02T15:04:05.000Z"), "format": "strict_date_optional_time"}
		var either []condition.Query
		for _, name := range []string{"kibana.alert.original_time", "kibana.alert.suppression.end"} {
			either = append(either, condition.Query{"range": condition.Query{name: after}})
		}
		filter = append(filter, condition.Query{"bool": condition.Query{"should": either, "minimum_should_match": 1}})
	}
	order := "asc"
	if q.Newest {
		order = "desc"
	}
	return condition.Query{
		"query":               condition.Query{"bool": condition.Query{"filter": filter}},
		"track_total_hits":    false,
		"seq_no_primary_term": true,
		"sort": []condition.Query{{search.DefaultTimestamp: condition.Query{
			"order": order, "unmapped_type": "date", "format": "strict_date_optional_time_nanos",
		}}},
	}
}

// Settle makes all written alerts visible to searches.
func (a *Alerts) Settle(ctx context.Context) error { return a.refresh(ctx) }

// refresh refreshes the indices of the alias.
func (a *Alerts) refresh(ctx context.Context) error {
	yes := true
	_, err := call[struct{}](ctx, a.client, "refresh ["+a.alias+"]", func() esapi.Request {
		return esapi.IndicesRefreshRequest{Index: escape([]string{a.alias}), IgnoreUnavailable: &yes, AllowNoIndices: &yes}
	})
	return err
}

// revision returns the document's sequence number and primary term as a text.
func (h hit) revision() string {
	return strconv.FormatInt(h.SeqNo, 10) + "." + strconv.FormatInt(h.PrimaryTerm, 10)
}

// Update sends the changed fields of each alert to the index that it was read from; Elasticsearch merges them if the alert has
// not changed since. An update that was sent again after its answer was lost is Stale: the alert has changed by the first.
//
// Elasticsearch indexes the whole alert anew. If it refuses that, as after a change of the mapping, the alert is written in its
// next form, with every field that it had when it was read.
func (a *Alerts) Update(ctx context.Context, docs []alert.Document) ([]alert.Written, error) {
	return a.send(ctx, writing{verb: "update", lines: update, written: alert.Replaced, conflict: alert.Stale}, docs)
}

// update returns the lines that change an alert.
func update(doc alert.Document, form alert.Form) (action, data map[string]any, err error) {
	seqNo, term, _ := strings.Cut(doc.Revision, ".")
	n, err := strconv.ParseInt(seqNo, 10, 64)
	if err != nil || doc.Index == "" {
		return nil, nil, fmt.Errorf("it was not read for an update: revision %q in index %q", doc.Revision, doc.Index)
	}
	t, err := strconv.ParseInt(term, 10, 64)
	if err != nil {
		return nil, nil, fmt.Errorf("revision %q: %w", doc.Revision, err)
	}
	at := map[string]any{"_index": doc.Index, "_id": doc.ID, "if_seq_no": n, "if_primary_term": t}
	if form == alert.WithEvent {
		return map[string]any{"update": at}, map[string]any{"doc": doc.Partial()}, nil
	}
	return map[string]any{"index": at}, doc.Source, nil
}
