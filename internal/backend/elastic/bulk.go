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

// The greatest number of alerts and bytes in one bulk request; one longer alert goes alone.
const (
	maxBulkDocs  = 500
	maxBulkBytes = 5 << 20
)

// writing is a kind of bulk request.
type writing struct {
	// verb is for messages.
	verb string
	// key names the action, in the request and in the answer.
	key string
	// action is what the line before an alert says under the key.
	action func(alert.Document) (map[string]any, error)
	// written and conflict are the outcomes of an alert that was written, and of one that another
	// state of itself is in the way of.
	written, conflict alert.Outcome
	// alias is where alerts go whose action has no index.
	alias string
	// where, unless it is nil, is told which index each alert was written to.
	where map[string]string
}

// bulkItem is one alert on its way: where it stands among the documents, and its two lines.
type bulkItem struct {
	at    int
	id    string
	lines []byte
	// doc is the alert as it was given, form the one that it is sent in.
	doc  alert.Document
	form alert.Form
}

// Create writes each alert unless its ID exists in any index of the alias. Alerts that Elasticsearch
// is too busy for are tried again a few times. When a part of the call fails after another one went
// through, the alerts of that part are Failed; the error is for a call of which nothing is known.
func (a *Alerts) Create(ctx context.Context, docs []alert.Document) ([]alert.Written, error) {
	return a.send(ctx, a.creation(), docs)
}

func (a *Alerts) creation() writing {
	return writing{
		verb: "create", key: "create", written: alert.Created, conflict: alert.Duplicate, alias: a.alias,
		action: func(doc alert.Document) (map[string]any, error) { return map[string]any{"_id": doc.ID}, nil },
	}
}

func (a *Alerts) send(ctx context.Context, kind writing, docs []alert.Document) ([]alert.Written, error) {
	written := make([]alert.Written, len(docs))
	items := kind.encode(docs, written)
	for done := 0; done < len(items); {
		n := batch(items[done:], a.mostBytes())
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

// encode writes the lines of each alert. One that cannot be encoded has failed.
func (k writing) encode(docs []alert.Document, written []alert.Written) []bulkItem {
	items := make([]bulkItem, 0, len(docs))
	for i, doc := range docs {
		written[i].ID = doc.ID
		lines, err := k.lines(doc)
		if err != nil {
			written[i].Err = &failure.Error{Kind: failure.Internal, Op: k.verb + " alert [" + doc.ID + "]", Err: err}
			continue
		}
		items = append(items, bulkItem{at: i, id: doc.ID, lines: lines, doc: doc})
	}
	return items
}

func (k writing) lines(doc alert.Document) ([]byte, error) {
	action, err := k.action(doc)
	if err != nil {
		return nil, err
	}
	var lines []byte
	for _, v := range []any{map[string]any{k.key: action}, doc.Source} {
		line, err := search.JSON(v, "")
		if err != nil {
			return nil, err
		}
		lines = append(append(lines, line...), '\n')
	}
	return lines, nil
}

// batch returns how many of the items fit one request of so many bytes, at least one.
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

// sendBatch writes one batch, and again what came back as too many requests.
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
	a.meet(ctx, items, kind.where, written)
	a.confirm(ctx, before, settled, items, kind.where, written)
	return err
}

// write sends one batch. One that is too large for somebody on the way is sent in halves. The error is for
// a batch of which nothing is known.
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
			break // The alerts have the error they were sent back with.
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
	return nil // Whatever failed is told alert by alert.
}

// smaller sends in halves what is too large for one request, and without its event an alert that is too
// large by itself.
func (a *Alerts) smaller(ctx context.Context, kind writing, items []bulkItem, written []alert.Written, tooLarge error) error {
	if len(items) == 1 {
		item := items[0]
		item.form = max(item.form, alert.EventAside) // moving the event makes it no smaller
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

// failed notes the error of alerts of which nothing else is known.
func failed(items []bulkItem, written []alert.Written, err error) {
	for _, item := range items {
		if w := &written[item.at]; w.Outcome == alert.Failed && w.Err == nil {
			w.Err = err
		}
	}
}

// leastBytes is what requests are not made smaller than ahead: by then nearly every alert goes alone.
const leastBytes = 64 << 10

// tooLarge remembers that a request of these was too large.
func (a *Alerts) tooLarge(items []bulkItem) {
	size := int64(0)
	for _, item := range items {
		size += int64(len(item.lines))
	}
	a.most.Store(max(leastBytes, size/2))
}

// mostBytes is the size of a request, as far as is known what somebody on the way lets through.
func (a *Alerts) mostBytes() int {
	if most := int(a.most.Load()); most > 0 {
		return min(most, maxBulkBytes)
	}
	return maxBulkBytes
}

// reduce puts alerts that were refused into their next form. What was refused in the last one has failed,
// by the reason for which the whole was refused.
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
		size, err := search.JSON(item.doc.Source, "")
		if err == nil {
			item.lines, err = kind.lines(item.doc.In(item.form, a.ofEvent, len(size)))
		}
		if err != nil {
			continue // it keeps the error that it was refused with
		}
		w.Form = item.form
		out = append(out, item)
	}
	return out
}

// dropKnown takes out the alerts that exist. Creating one fails only on an ID that the newest
// index of the alias holds; after a rollover the others must be asked.
func (a *Alerts) dropKnown(ctx context.Context, items []bulkItem, written []alert.Written) ([]bulkItem, error) {
	ids := make([]string, len(items))
	for i, item := range items {
		ids[i] = item.id
	}
	op := "look for known alerts [" + a.alias + "]"
	answer, err := a.byID(ctx, op, ids, madeOf)
	if err != nil {
		return nil, err
	}
	var damage damage
	damage.add(answer.Shards, answer.TimedOut, answer.Clusters)
	if err := damage.err(op); err != nil {
		// Better an alert twice after a rollover than none while an old index is down.
		a.client.log.WarnContext(ctx, "cannot see all known alerts", "error", err)
	}
	known := a.mend(ctx, answer.Hits.Hits)
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

// bulkAnswer is the answer of _bulk, one item for each action, in order.
type bulkAnswer struct {
	Items []map[string]struct {
		Status int    `json:"status"`
		Index  string `json:"_index"`
		Error  cause  `json:"error"`
	} `json:"items"`
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

// settle notes what became of each alert and returns those to try again, and those that were refused for
// what they are.
func (r bulkAnswer) settle(kind writing, items []bulkItem, written []alert.Written) (busy, refused []bulkItem) {
	for i, item := range items {
		result := r.Items[i][kind.key]
		w := &written[item.at]
		w.Err = nil
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
