package elastic_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

// heavy is a cluster of documents of so many bytes each. It counts the bytes of each answer that are read.
type heavy struct {
	sizes []int

	mu sync.Mutex
	// answers are the answers by how much of them was read, and how many documents are in them.
	answers []*heavyAnswer
}

// heavyAnswer is made while it is read.
type heavyAnswer struct {
	documents int
	read      int
	from      io.Reader
	of        *heavy
}

func (a *heavyAnswer) Read(p []byte) (int, error) {
	n, err := a.from.Read(p)
	a.of.mu.Lock()
	defer a.of.mu.Unlock()
	a.read += n
	return n, err //nolint:wrapcheck // the error of the reader
}

// letters are the same for ever.
type letters byte

func (l letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(l)
	}
	return len(p), nil
}

func (h *heavy) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/_pit") {
		return status(200, `{"id":"p"}`)(r)
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	multi := strings.HasSuffix(r.URL.Path, "/_msearch")
	var parts []io.Reader
	documents := 0
	if multi {
		parts = append(parts, strings.NewReader(`{"responses":[`))
	}
	for i, line := range bytes.Split(bytes.TrimSpace(data), []byte("\n")) {
		if multi && i%2 == 0 {
			continue
		}
		var b heavyBody
		if err := json.Unmarshal(line, &b); err != nil {
			return nil, err
		}
		if documents > 0 || len(parts) > 1 {
			parts = append(parts, strings.NewReader(","))
		}
		part, n := h.hits(b)
		parts, documents = append(parts, part...), documents+n
	}
	if multi {
		parts = append(parts, strings.NewReader("]}"))
	}
	a := &heavyAnswer{documents: documents, from: io.MultiReader(parts...), of: h}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers = append(h.answers, a)
	out, err := status(200, "")(r)
	if err == nil {
		out.Body = io.NopCloser(a)
	}
	return out, err
}

// hits is the answer to one search, and the number of its documents.
func (h *heavy) hits(b heavyBody) (parts []io.Reader, n int) {
	var of []int
	for i := range h.sizes {
		if b.Slice == nil || i%b.Slice.Max == b.Slice.ID {
			of = append(of, i)
		}
	}
	if n := len(b.Aggs.Groups.Filters.Filters); n > 0 {
		return h.buckets(b.Aggs.Groups.Filters.Filters), n
	}
	if b.Query.IDs != nil {
		of = nil
		for _, id := range b.Query.IDs.Values {
			i, _ := strconv.Atoi(id)
			of = append(of, i)
		}
	}
	from := 0
	if len(b.After) > 0 {
		_, _ = fmt.Sscan(string(b.After[len(b.After)-1]), &from)
		from++
	}
	parts = append(parts, strings.NewReader(fmt.Sprintf(`{"status":200,"_shards":{"total":2},"hits":{"total":{"value":%d,"relation":"eq"},"hits":[`, len(of))))
	for i := from; i < min(len(of), from+b.Size); i++ {
		comma := ","
		if n++; n == 1 {
			comma = ""
		}
		head := fmt.Sprintf(`%s{"_index":"logs","_id":"%d","sort":[%d],"_source":{"x":"`, comma, of[i], i)
		parts = append(parts, strings.NewReader(head), io.LimitReader(letters('x'), int64(h.sizes[of[i]])), strings.NewReader(`"}}`))
	}
	return append(parts, strings.NewReader("]}}")), n
}

type heavyBody struct {
	narrowBody
	Aggs struct {
		Groups struct {
			Filters struct{ Filters []json.RawMessage }
		}
	}
}

var groupName = regexp.MustCompile(`group(\d+)`)

// buckets are the groups asked for by name, each with one document.
func (h *heavy) buckets(filters []json.RawMessage) []io.Reader {
	parts := []io.Reader{strings.NewReader(`{"_shards":{"total":1},"aggregations":{"groups":{"buckets":[`)}
	for n, filter := range filters {
		i, _ := strconv.Atoi(string(groupName.FindSubmatch(filter)[1]))
		comma := ","
		if n == 0 {
			comma = ""
		}
		head := fmt.Sprintf(`%s{"doc_count":1,"samples":{"hits":{"hits":[{"_index":"logs","_id":"%d","sort":[1],"_source":{"x":"`, comma, i)
		parts = append(parts, strings.NewReader(head), io.LimitReader(letters('x'), int64(h.sizes[i])), strings.NewReader(`"}}]}}}`))
	}
	return append(parts, strings.NewReader("]}}}"))
}

// samples reads the first event of groups by name.
func samples(ctx context.Context, c *elastic.Client, groups int) (int, error) {
	r := userRequest()
	r.Samples, r.PageSize, r.NoTimes = 1, 0, true
	r.Only = []search.Selection{}
	for i := range groups {
		r.Only = append(r.Only, search.Selection{Key: []string{fmt.Sprint("group", i)}})
	}
	found := 0
	_, err := c.Groups(ctx, r, func(page []search.Group) (bool, error) {
		for _, g := range page {
			if len(g.Samples) == 1 && g.Key[0] == "group"+g.Samples[0].ID {
				found++
			}
		}
		return true, nil
	})
	return found, err
}

// TestPagesHaveABudget: however large documents are, and however their sizes change from one to the next, all are
// read, and of no answer more is read than a page may have, unless it is one document. What is known of documents
// keeps most answers from being given up.
func TestPagesHaveABudget(t *testing.T) {
	fewChecks(t)
	const given = 257 << 10 // how much of an answer is read to keep its connection
	kinds := map[string]func(context.Context, *elastic.Client, int) (int, error){
		"search": alone, "first pages": firstPages, "shared read": sharedRead, "documents": documents, "samples": samples,
	}
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom(slices.Sorted(maps.Keys(kinds))).Draw(rt, "kind")
		h := &heavy{sizes: drawSizes(rt)}
		c, err := elastic.NewWithTransport(elastic.Config{URLs: []string{"http://es:9200"}}, h)
		if err != nil {
			rt.Fatal(err)
		}
		limit, together := elastic.SetPagesMemory(c, 3<<20)
		if name == "first pages" {
			limit = together
		}
		found, err := kinds[name](t.Context(), c, len(h.sizes))
		if err != nil || found != len(h.sizes) {
			rt.Fatalf("%d of %d documents, %v", found, len(h.sizes), err)
		}
		for _, a := range h.answers {
			if a.documents > 1 && a.read > limit+given+bytes.MinRead {
				rt.Errorf("%d bytes of %d documents were read, %d may be", a.read, a.documents, limit)
			}
		}
	})
}

// drawSizes draws sizes of documents that are alike for a while.
func drawSizes(rt *rapid.T) []int {
	var sizes []int
	left := 4 << 20
	for range rapid.IntRange(1, 5).Draw(rt, "stretches") {
		size := 1 << rapid.IntRange(4, 20).Draw(rt, "bits")
		n := min(rapid.IntRange(0, 400).Draw(rt, "documents"), left/size)
		left -= n * size
		for range n {
			sizes = append(sizes, size)
		}
	}
	return sizes
}

// alone reads by one search.
func alone(ctx context.Context, c *elastic.Client, _ int) (int, error) {
	found := 0
	_, err := c.Search(ctx, search.Request{Patterns: []string{"logs"}, Where: condition.Const(true), PageSize: 1000}, func(page []event.Event) (bool, error) {
		found += len(page)
		return true, nil
	})
	return found, err
}

// TestPagesShareMemory: pages that are held at the same time do not exceed the total memory, as far as the
// minimum for each page allows.
func TestPagesShareMemory(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var h elastic.Holdings
		var ends []func()
		pages := 0
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			if len(ends) > 0 && rapid.Bool().Draw(rt, "end") {
				ends[len(ends)-1]()
				ends[len(ends)-1]() // as a deferred call after another
				ends = ends[:len(ends)-1]
			} else {
				ends = append(ends, h.Begin(1))
			}
			pages = len(ends)
			if share := h.Share(); share < 1<<20 || share > 8<<20 || share > 1<<20 && pages*share > 48<<20 {
				rt.Fatalf("%d pages of %d bytes", pages, share)
			}
		}
	})
}
