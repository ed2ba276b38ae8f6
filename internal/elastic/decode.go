package elastic

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/event"
)

// bodyReader is an answer that reads itself, faster than by reflection.
type bodyReader interface {
	readBody(body []byte) error
}

// decodeBody reads an answer. The memory of one that reads itself stays in use by what it holds.
func decodeBody(r *esapi.Response, out any) error {
	reader, ok := out.(bodyReader)
	if !ok {
		dec := json.NewDecoder(r.Body)
		dec.UseNumber()
		return dec.Decode(out) //nolint:wrapcheck // the caller says what was decoded
	}
	body, err := readAll(r)
	if err != nil {
		return err
	}
	return reader.readBody(body)
}

// bodies are those of large answers that nobody holds anything of any more.
var bodies sync.Pool

// firstBody is the memory that reading an answer of unknown length begins with.
const firstBody = 64 << 10

func readAll(r *esapi.Response) ([]byte, error) {
	var b bytes.Buffer
	switch length, err := strconv.ParseInt(r.Header.Get("Content-Length"), 10, 64); {
	case err != nil || length > firstBody:
		if old, ok := bodies.Get().(*[]byte); ok {
			b = *bytes.NewBuffer((*old)[:0])
		} else {
			b.Grow(firstBody)
		}
	default:
		b.Grow(int(length) + bytes.MinRead)
	}
	if _, err := b.ReadFrom(r.Body); err != nil {
		return nil, fmt.Errorf("after %d bytes: %w", b.Len(), err)
	}
	return b.Bytes(), nil
}

// recycle gives the memory of an answer back. Nothing of its hits may be used any more.
func (p *page) recycle() {
	if cap(p.body) > firstBody {
		bodies.Put(&p.body)
	}
}

var errNotJSON = errors.New("it is not JSON as Elasticsearch writes it")

// readBody reads an answer in one pass: the sources of hits are not looked into, and are parts of the
// body.
func (p *page) readBody(body []byte) error {
	p.body = body
	var failed error
	ok := event.Members(body, func(key string, value []byte) {
		switch key {
		case "hits":
			failed = errors.Join(failed, p.readHits(value))
		default:
			failed = errors.Join(failed, p.readMember(key, value))
		}
	})
	if !ok {
		return errNotJSON
	}
	return failed
}

func (p *page) readMember(key string, value []byte) error {
	switch key {
	case "pit_id":
		return readValue(value, &p.PIT)
	case "took":
		return readValue(value, &p.Took)
	case "timed_out":
		return readValue(value, &p.TimedOut)
	case "_shards":
		return readValue(value, &p.Shards)
	case "_clusters":
		return readValue(value, &p.Clusters)
	}
	return nil
}

func (p *page) readHits(value []byte) error {
	var failed error
	ok := event.Members(value, func(key string, value []byte) {
		switch key {
		case "total":
			failed = errors.Join(failed, readValue(value, &p.Hits.Total))
		case "hits":
			index := ""
			ok := event.Elements(value, func(value []byte) {
				var h hit
				failed = errors.Join(failed, h.read(value, &index))
				p.Hits.Hits = append(p.Hits.Hits, h)
			})
			if !ok {
				failed = errors.Join(failed, errNotJSON)
			}
		}
	})
	if !ok {
		return errNotJSON
	}
	return failed
}

// read reads a hit; index is the name of the one before, which it mostly shares.
func (h *hit) read(value []byte, index *string) error {
	var failed error
	ok := event.Members(value, func(key string, value []byte) {
		switch key {
		case "_index":
			if len(value) == len(*index)+2 && string(value[1:len(value)-1]) == *index {
				h.Index = *index
				return
			}
			failed = errors.Join(failed, readValue(value, &h.Index))
			*index = h.Index
		case "_id":
			failed = errors.Join(failed, readText(value, &h.ID))
		case "_source":
			h.Source = value
		case "sort":
			if !event.Elements(value, func(value []byte) { h.Sort = append(h.Sort, bytes.Clone(value)) }) {
				failed = errNotJSON
			}
		case "fields":
			failed = errors.Join(failed, readValue(value, &h.Fields))
		case "_seq_no":
			failed = errors.Join(failed, readValue(value, &h.SeqNo))
		case "_primary_term":
			failed = errors.Join(failed, readValue(value, &h.PrimaryTerm))
		}
	})
	if !ok {
		return errNotJSON
	}
	return failed
}

func readValue(value []byte, to any) error {
	dec := json.NewDecoder(bytes.NewReader(value))
	dec.UseNumber()
	return dec.Decode(to) //nolint:wrapcheck // the caller says what was decoded
}

// readText reads a text; one without escapes needs no decoder.
func readText(value []byte, to *string) error {
	if len(value) < 2 || value[0] != '"' || bytes.IndexByte(value, '\\') >= 0 {
		return readValue(value, to)
	}
	*to = string(value[1 : len(value)-1])
	return nil
}

// readBody reads the answers of several searches.
func (m *multiAnswer) readBody(body []byte) error {
	var failed error
	ok := event.Members(body, func(key string, value []byte) {
		if key != "responses" {
			return
		}
		ok := event.Elements(value, func(value []byte) {
			var item multiItem
			failed = errors.Join(failed, item.readBody(value))
			m.Responses = append(m.Responses, item)
		})
		if !ok {
			failed = errors.Join(failed, errNotJSON)
		}
	})
	if !ok {
		return errNotJSON
	}
	return failed
}

func (m *multiItem) readBody(body []byte) error {
	var failed error
	if !event.Members(body, func(key string, value []byte) {
		switch key {
		case "status":
			failed = errors.Join(failed, readValue(value, &m.Status))
		case "error":
			failed = errors.Join(failed, readValue(value, &m.Error))
		}
	}) {
		return errNotJSON
	}
	return errors.Join(failed, m.page.readBody(body))
}
