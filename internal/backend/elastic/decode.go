package elastic

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/match/event"
)

// bodyReader is an answer with its own decoder, which is faster than reflection.
type bodyReader interface {
	readBody(body []byte) error
}

// decodeBody decodes an answer. An answer with its own decoder keeps using the memory of the body. If most is
// not 0, a body of more than most bytes is an error.
func decodeBody(r *esapi.Response, out any, most int) error {
	reader, ok := out.(bodyReader)
	if !ok {
		dec := json.NewDecoder(upTo(r.Body, most))
		dec.UseNumber()
		return dec.Decode(out) //nolint:wrapcheck // the caller names the answer
	}
	body, err := readAll(r, most)
	if err != nil {
		return err
	}
	return reader.readBody(body)
}

// bodies is the pool of the memory of large answers that nothing refers to any more.
var bodies sync.Pool

// lastBody is the size of the last large answer: the pages of a read have similar sizes, and memory that
// grows by doubling takes up to four times the size.
var lastBody atomic.Int64

// firstBody is the initial memory for an answer of unknown length.
const firstBody = 64 << 10

func readAll(r *esapi.Response, most int) ([]byte, error) {
	var b bytes.Buffer
	length, err := strconv.ParseInt(r.Header.Get("Content-Length"), 10, 64)
	if most > 0 && length > int64(most) {
		return nil, tooLong(most)
	}
	switch {
	case err == nil && length <= firstBody:
		b.Grow(int(length) + bytes.MinRead)
	default:
		b = *bytes.NewBuffer(bodyBuffer(length))
	}
	if _, err := b.ReadFrom(upTo(r.Body, most)); err != nil {
		return nil, fmt.Errorf("after %d bytes: %w", b.Len(), err)
	}
	if b.Len() > firstBody {
		lastBody.Store(int64(b.Len()))
	}
	return b.Bytes(), nil
}

// bodyBuffer returns memory for an answer of the given length; 0: unknown.
func bodyBuffer(length int64) []byte {
	if old, ok := bodies.Get().(*[]byte); ok {
		return (*old)[:0]
	}
	if length == 0 {
		length = lastBody.Load() + lastBody.Load()/8
	}
	return make([]byte, 0, min(max(length+bytes.MinRead, firstBody), maxGuess))
}

// maxGuess bounds the memory that is allocated before an answer is read.
const maxGuess = 16 << 20

// recycle returns the memory of an answer to the pool. Its hits must not be used any more.
func (p *page) recycle() {
	if cap(p.body) > firstBody {
		bodies.Put(&p.body)
	}
}

var errNotJSON = errors.New("not valid JSON of Elasticsearch")

// readBody decodes an answer in one pass: the sources of hits are not decoded, and are parts of the body.
//
// If the body is not valid JSON, sources may contain comments, which Elasticsearch accepts and returns.
func (p *page) readBody(body []byte) error {
	p.body = body
	c := event.NewCursor(body)
	err := errors.Join(p.read(c), readWhole(c))
	if !errors.Is(err, errNotJSON) {
		return err
	}
	if plain := event.WithoutComments(body); !bytes.Equal(plain, body) {
		*p = page{body: plain}
		c = event.NewCursor(plain)
		err = errors.Join(p.read(c), readWhole(c))
	}
	return err
}

func readWhole(c *event.Cursor) error {
	if !c.Whole() {
		return errNotJSON
	}
	return nil
}

// read decodes the next value as an answer.
func (p *page) read(c *event.Cursor) error {
	var failed error
	c.Members(func(key []byte) { failed = errors.Join(failed, p.readMember(c, string(key))) })
	return failed
}

func (p *page) readMember(c *event.Cursor, key string) error {
	switch key {
	case "hits":
		p.hitsThere = true
		return p.readHits(c)
	case "pit_id":
		return readValue(c, &p.PIT)
	case "took":
		return readValue(c, &p.Took)
	case "timed_out":
		return readValue(c, &p.TimedOut)
	case "_shards":
		return readValue(c, &p.Shards)
	case "_clusters":
		return readValue(c, &p.Clusters)
	}
	return nil
}

func (p *page) readHits(c *event.Cursor) error {
	var failed error
	c.Members(func(key []byte) {
		switch string(key) {
		case "total":
			failed = errors.Join(failed, readValue(c, &p.Hits.Total))
		case "hits":
			index := ""
			c.Elements(func() {
				var h hit
				failed = errors.Join(failed, h.read(c, &index))
				p.Hits.Hits = append(p.Hits.Hits, h)
			})
		}
	})
	return failed
}

// read decodes a hit; index is the name of the previous hit's index, which is mostly the same.
func (h *hit) read(c *event.Cursor, index *string) error {
	var failed error
	c.Members(func(key []byte) {
		switch string(key) {
		case "_index":
			value := c.Value()
			if len(value) == len(*index)+2 && string(value[1:len(value)-1]) == *index {
				h.Index = *index
				return
			}
			failed = errors.Join(failed, decodeValue(value, &h.Index))
			*index = h.Index
		case "_id":
			failed = errors.Join(failed, readText(c, &h.ID))
		case "_source":
			h.Source = c.Value()
		case "sort":
			c.Elements(func() { h.Sort = append(h.Sort, c.Value()) })
		case "fields":
			failed = errors.Join(failed, readValue(c, &h.Fields))
		case "_seq_no":
			failed = errors.Join(failed, readValue(c, &h.SeqNo))
		case "_primary_term":
			failed = errors.Join(failed, readValue(c, &h.PrimaryTerm))
		}
	})
	return failed
}

// readValue decodes the next value.
func readValue(c *event.Cursor, to any) error { return decodeValue(c.Value(), to) }

func decodeValue(value []byte, to any) error {
	dec := json.NewDecoder(bytes.NewReader(value))
	dec.UseNumber()
	return dec.Decode(to) //nolint:wrapcheck // the caller names the answer
}

// readText decodes a string; a string without escapes needs no decoder.
func readText(c *event.Cursor, to *string) error {
	value := c.Value()
	if len(value) < 2 || value[0] != '"' || bytes.IndexByte(value, '\\') >= 0 {
		return decodeValue(value, to)
	}
	*to = string(value[1 : len(value)-1])
	return nil
}

// readBody decodes the answers of several searches.
func (m *multiAnswer) readBody(body []byte) error {
	err := m.readWhole(body)
	if !errors.Is(err, errNotJSON) {
		return err
	}
	if plain := event.WithoutComments(body); !bytes.Equal(plain, body) {
		*m = multiAnswer{}
		return m.readWhole(plain)
	}
	return err
}

func (m *multiAnswer) readWhole(body []byte) error {
	var failed error
	c := event.NewCursor(body)
	c.Members(func(key []byte) {
		if string(key) != "responses" {
			return
		}
		m.Responses = []multiItem{}
		c.Elements(func() {
			var item multiItem
			failed = errors.Join(failed, item.read(c))
			m.Responses = append(m.Responses, item)
		})
	})
	return errors.Join(failed, readWhole(c))
}

func (m *multiItem) read(c *event.Cursor) error {
	var failed error
	c.Members(func(key []byte) {
		switch string(key) {
		case "status":
			failed = errors.Join(failed, readValue(c, &m.Status))
		case "error":
			failed = errors.Join(failed, readValue(c, &m.Error))
		default:
			failed = errors.Join(failed, m.readMember(c, string(key)))
		}
	})
	return failed
}
