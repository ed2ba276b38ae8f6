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

// bodyReader is an answer that reads itself, faster than by reflection.
type bodyReader interface {
	readBody(body []byte) error
}

// decodeBody reads an answer. The memory of one that reads itself stays in use by what it holds; of more bytes than
// most, unless that is 0, no more is read.
func decodeBody(r *esapi.Response, out any, most int) error {
	reader, ok := out.(bodyReader)
	if !ok {
		dec := json.NewDecoder(upTo(r.Body, most))
		dec.UseNumber()
		return dec.Decode(out) //nolint:wrapcheck // the caller says what was decoded
	}
	body, err := readAll(r, most)
	if err != nil {
		return err
	}
	return reader.readBody(body)
}

// bodies is a pool of buffers for large answers.
var bodies sync.Pool

// lastBody is the size of the last large answer: the pages of a read are much alike, and one that is
// grown by doubling takes up to four times its size.
var lastBody atomic.Int64

// firstBody is the memory that reading an answer of unknown length begins with.
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
		b = *bytes.NewBuffer(someBody(length))
	}
	if _, err := b.ReadFrom(upTo(r.Body, most)); err != nil {
		return nil, fmt.Errorf("after %d bytes: %w", b.Len(), err)
	}
	if b.Len() > firstBody {
		lastBody.Store(int64(b.Len()))
	}
	return b.Bytes(), nil
}

// someBody is memory for an answer of a length, 0 when it is not known.
func someBody(length int64) []byte {
	if old, ok := bodies.Get().(*[]byte); ok {
		return (*old)[:0]
	}
	if length == 0 {
		length = lastBody.Load() + lastBody.Load()/8
	}
	return make([]byte, 0, min(max(length+bytes.MinRead, firstBody), maxGuess))
}

// maxGuess bounds what is taken for an answer before any of it is there.
const maxGuess = 16 << 20

// recycle gives the memory of an answer back. Nothing of its hits may be used any more.
func (p *page) recycle() {
	if cap(p.body) > firstBody {
		bodies.Put(&p.body)
	}
}

var errNotJSON = errors.New("it is not JSON as Elasticsearch writes it")

// readBody reads an answer in one pass: the sources of hits are not looked into, and are parts of the
// body.
//
// Where it is no JSON, documents may have comments, which Elasticsearch takes and gives back.
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

// read reads the next value as an answer.
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

// read reads a hit; index is the name of the one before, which it mostly shares.
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
	return dec.Decode(to) //nolint:wrapcheck // the caller says what was decoded
}

// readText reads a text; one without escapes needs no decoder.
func readText(c *event.Cursor, to *string) error {
	value := c.Value()
	if len(value) < 2 || value[0] != '"' || bytes.IndexByte(value, '\\') >= 0 {
		return decodeValue(value, to)
	}
	*to = string(value[1 : len(value)-1])
	return nil
}

// readBody reads the answers of several searches.
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
