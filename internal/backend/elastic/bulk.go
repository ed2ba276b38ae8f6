package elastic

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/alert"
	"tocsin/internal/diag/failure"
	"tocsin/internal/search"
)

// The maximum number of alerts and of bytes in one bulk request; an alert that is longer has a request of its
// own.
const (
	maxBulkDocs  = 500
	maxBulkBytes = 5 << 20
)

// writing is a kind of bulk request.
type writing struct {
	// verb names the operation in messages.
	verb string
	// lines returns the two lines of an alert in a form: the action with its metadata, and its data.
	lines func(alert.Document, alert.Form) (action, data map[string]any, err error)
	// written and conflict are the outcomes of an alert that was written, and of an alert whose document
	// exists or has changed.
	written, conflict alert.Outcome
	// alias is the destination of alerts whose action has no index.
	alias string
	// where, if not nil, receives the index that each alert was written to.
	where map[string]string
}

// bulkItem is one alert to write: its position among the documents, and its two lines.
type bulkItem struct {
	at    int
	id    string
	lines []byte
	// doc is the alert as given, form the form in which it is sent.
	doc  alert.Document
	form alert.Form
}

// Create writes each alert unless its ID exists in any index of the alias. Alerts that a busy cluster rejects
// are sent again a few times. If some requests of a call succeed and others fail, the alerts of the failed
// requests are Failed; an error means that the outcome of all alerts is unknown.
func (a *Alerts) Create(ctx context.Context, docs []alert.Document) ([]alert.Written, error) {
	return a.send(ctx, a.creation(), docs)
}

func (a *Alerts) creation() writing {
	return writing{
		verb: "create", written: alert.Created, conflict: alert.Duplicate, alias: a.alias,
		lines: func(doc alert.Document, _ alert.Form) (action, data map[string]any, err error) {
			return map[string]any{"create": map[string]any{"_id": doc.ID}}, doc.Source, nil
		},
	}
}

func (a *Alerts) send(ctx context.Context, kind writing, docs []alert.Document) ([]alert.Written, error) {
	written := make([]alert.Written, len(docs))
	items := kind.encode(docs, written)
	for done := 0; done < len(items); {
		n := batch(items[done:], a.requestLimit())
		if err := a.sendBatch(ctx, kind, items[done:done+n], written); err != nil {
			if done == 0 {
				return nil, err
			}
			failed(items[done:], written, err)
			return written, nil
		}
		done += n
	}
	return written, nil
}

// encode makes the lines of each alert. An alert that cannot be encoded is Failed.
func (k writing) encode(docs []alert.Document, written []alert.Written) []bulkItem {
	items := make([]bulkItem, 0, len(docs))
	for i, doc := range docs {
		written[i].ID = doc.ID
		lines, err := k.encoded(doc, alert.WithEvent)
		if err != nil {
			written[i].Err = &failure.Error{Kind: failure.Internal, Op: k.verb + " alert [" + doc.ID + "]", Err: err}
			continue
		}
		items = append(items, bulkItem{at: i, id: doc.ID, lines: lines, doc: doc})
	}
	return items
}

// encoded returns the lines of an alert as JSON.
func (k writing) encoded(doc alert.Document, form alert.Form) ([]byte, error) {
	action, data, err := k.lines(doc, form)
	if err != nil {
		return nil, err
	}
	var lines []byte
	for _, v := range []any{action, data} {
		line, err := search.JSON(v, "")
		if err != nil {
			return nil, err
		}
		lines = append(append(lines, line...), '\n')
	}
	return lines, nil
}

// batch returns how many of the items fit into one request of most bytes, at least one.
func batch(items []bulkItem, most int) int {
	size := 0
	for n, item := range items {
		size += len(item.lines)
		if n == maxBulkDocs || n > 0 && size > most {
			return n
		}
	}
	return len(items)
}

// sendBatch writes one batch, and sends items again that were rejected with status 429.
func (a *Alerts) sendBatch(ctx context.Context, kind writing, items []bulkItem, written []alert.Written) error {
	if kind.written != alert.Created {
		return a.write(ctx, kind, items, written)
	}
	before, settled := a.settled(ctx)
	if !settled {
		a.show(ctx)
	}
	items, err := a.dropKnown(ctx, items, written)
	if err != nil {
		return err
	}
	kind.where = map[string]string{}
	err = a.write(ctx, kind, items, written)
	a.readMetSources(ctx, items, kind.where, written)
	a.confirm(ctx, before, settled, items, kind.where, written)
	return err
}

// write sends one batch. If it is too large for the cluster or a proxy, it is sent in halves. An error means
// that the outcome of the whole batch is unknown.
func (a *Alerts) write(ctx context.Context, kind writing, items []bulkItem, written []alert.Written) error {
	retry := 0
	for first := true; len(items) > 0; first = false {
		answer, err := a.bulk(ctx, kind, items)
		if hasStatus(err, http.StatusRequestEntityTooLarge) {
			err = a.smaller(ctx, kind, items, written, err)
			items = nil
		}
		if err != nil {
			if first {
				return err
			}
			break // the alerts have the error of their rejection
		}
		if items == nil {
			break
		}
		busy, refused := answer.settle(kind, items, written)
		items = a.reduce(kind, refused, written)
		if len(busy) > 0 && retry < a.client.maxRetries && wait(ctx, backoff(retry)) == nil {
			items = append(items, busy...)
			retry++
		}
	}
	return nil // each alert has its own outcome
}

// smaller sends a batch that is too large in halves, and a single alert that is too large without its event.
func (a *Alerts) smaller(ctx context.Context, kind writing, items []bulkItem, written []alert.Written, tooLarge error) error {
	if len(items) == 1 {
		item := items[0]
		item.form = max(item.form, alert.EventAside) // moving the event would not make the alert smaller
		written[item.at].Err = tooLarge
		return a.write(ctx, kind, a.reduce(kind, []bulkItem{item}, written), written)
	}
	a.tooLarge(items)
	half := len(items) / 2
	if err := a.write(ctx, kind, items[:half], written); err != nil {
		return err
	}
	if err := a.write(ctx, kind, items[half:], written); err != nil {
		failed(items[half:], written, err)
	}
	return nil
}

// failed sets the error of alerts whose outcome is unknown.
func failed(items []bulkItem, written []alert.Written, err error) {
	for _, item := range items {
		if w := &written[item.at]; w.Outcome == alert.Failed && w.Err == nil {
			w.Err = err
		}
	}
}

// minRequestLimit is the lower bound of the learned size limit: nearly every request then has one alert.
const minRequestLimit = 64 << 10

// tooLarge records that a request with these items was too large.
func (a *Alerts) tooLarge(items []bulkItem) {
	size := int64(0)
	for _, item := range items {
		size += int64(len(item.lines))
	}
	a.most.Store(max(minRequestLimit, size/2))
}

// requestLimit returns the size limit of a request, in bytes, as far as it is known.
func (a *Alerts) requestLimit() int {
	if most := int(a.most.Load()); most > 0 {
		return min(most, maxBulkBytes)
	}
	return maxBulkBytes
}

// reduce changes rejected alerts to their next form. An alert that was rejected in its last form is Failed,
// with the reason of the first rejection.
func (a *Alerts) reduce(kind writing, refused []bulkItem, written []alert.Written) []bulkItem {
	out := make([]bulkItem, 0, len(refused))
	for _, item := range refused {
		w := &written[item.at]
		if w.Refused == nil {
			w.Refused = w.Err
		}
		if item.form == alert.EventOmitted {
			w.Err, w.Form = w.Refused, alert.WithEvent
			continue
		}
		item.form++
		whole := alert.Document{ID: item.doc.ID, Index: item.doc.Index, Revision: item.doc.Revision, Source: item.doc.Changed()}
		size, err := search.JSON(whole.Source, "")
		if err == nil {
			item.lines, err = kind.encoded(whole.In(item.form, a.ofEvent, len(size)), item.form)
		}
		if err != nil {
			continue // it keeps the error of its rejection
		}
		w.Form = item.form
		out = append(out, item)
	}
	return out
}

// dropKnown removes the alerts that exist. A create only fails for an ID in the newest index of the alias;
// after a rollover, the older indices must be searched.
func (a *Alerts) dropKnown(ctx context.Context, items []bulkItem, written []alert.Written) ([]bulkItem, error) {
	ids := make([]string, len(items))
	for i, item := range items {
		ids[i] = item.id
	}
	op := "look for known alerts [" + a.alias + "]"
	answer, err := a.byID(ctx, op, ids, sourceFields)
	if err != nil {
		return nil, err
	}
	var damage damage
	damage.add(answer.Shards, answer.TimedOut, answer.Clusters)
	if err := damage.err(op); err != nil {
		// A duplicate alert after a rollover is better than a missing alert while an old index is
		// unavailable.
		a.client.log.WarnContext(ctx, "existing alerts could not be checked", "error", err)
	}
	known := a.deleteDuplicates(ctx, answer.Hits.Hits)
	met := make(map[string]*alert.Source, len(known))
	for _, h := range answer.Hits.Hits {
		if known[h.ID] == h.Index {
			if met[h.ID], err = h.madeOf(); err != nil {
				return nil, err
			}
		}
	}
	var left []bulkItem
	for _, item := range items {
		if known[item.id] != "" {
			written[item.at].Outcome, written[item.at].Met = alert.Duplicate, met[item.id]
		} else {
			left = append(left, item)
		}
	}
	return left, nil
}

// bulkAnswer is the answer of _bulk, with one item for each action, in order.
type bulkAnswer struct {
	Items []bulkItemAnswer `json:"items"`
}

// bulkItemAnswer is the result of one action, by the action.
type bulkItemAnswer map[string]bulkResult

// result returns the result of the action, which differs between the forms of an alert.
func (a bulkItemAnswer) result() (r bulkResult) {
	for _, r = range a {
		return r
	}
	return r
}

// bulkResult is the answer to one action.
type bulkResult struct {
	Status int    `json:"status"`
	Index  string `json:"_index"`
	Error  cause  `json:"error"`
}

func (a *Alerts) bulk(ctx context.Context, kind writing, items []bulkItem) (bulkAnswer, error) {
	var body bytes.Buffer
	for _, item := range items {
		body.Write(item.lines)
	}
	toAlias := kind.alias != ""
	op := fmt.Sprintf("%s %d alerts in [%s]", kind.verb, len(items), a.alias)
	answer, err := call[bulkAnswer](ctx, a.client, op, func() esapi.Request {
		return esapi.BulkRequest{
			Index: kind.alias, Body: bytes.NewReader(body.Bytes()), RequireAlias: &toAlias, Refresh: string(a.Refresh),
		}
	})
	if err == nil && len(answer.Items) != len(items) {
		err = &failure.Error{Kind: failure.Unavailable, Op: op, Reason: fmt.Sprintf(
			"the answer has %d items for %d alerts", len(answer.Items), len(items))}
	}
	return answer, err
}

// settle sets the outcome of each alert. It returns the items to send again, and the items whose documents
// were rejected.
func (r bulkAnswer) settle(kind writing, items []bulkItem, written []alert.Written) (busy, refused []bulkItem) {
	for i, item := range items {
		result := r.Items[i].result()
		w := &written[item.at]
		w.Err = nil
		if result.Status == http.StatusNotFound && kind.conflict == alert.Stale {
			result.Status = http.StatusConflict // it was deleted
		}
		switch result.Status {
		case http.StatusCreated, http.StatusOK:
			w.Outcome = kind.written
			if kind.where != nil {
				kind.where[item.id] = result.Index
			}
			continue
		case http.StatusConflict:
			w.Outcome = kind.conflict
			if kind.where != nil {
				kind.where[item.id] = result.Index
			}
			continue
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			busy = append(busy, item)
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
			refused = append(refused, item)
		}
		w.Err = &failure.Error{
			Kind: kindOf(result.Status), Op: kind.verb + " alert [" + item.id + "]", Status: result.Status,
			Type: result.Error.Type, Reason: result.Error.text(),
		}
	}
	return busy, refused
}
