package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parameter is a parameter of a route.
type parameter struct {
	name string
	// path: it is a part of the path; else of the query.
	path bool
	// many: it may be repeated.
	many bool
	// kind is the type in the document: string, integer, boolean or time.
	kind string
	// enum are the values that it may have; nil: any.
	enum []string
	doc  string
}

// Page is a part of a list.
type Page struct{ Offset, Limit int }

// The sizes of pages.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

var paging = []parameter{
	{name: "offset", kind: "integer", doc: "How many to leave out at the beginning."},
	{name: "limit", kind: "integer", doc: fmt.Sprintf("Maximum number, %d by default, %d at most.", DefaultLimit, MaxLimit)},
}

// PageOf reads offset and limit. size is the limit where none is given.
func PageOf(q url.Values, size int) (Page, error) {
	p := Page{Limit: size}
	for name, n := range map[string]*int{"offset": &p.Offset, "limit": &p.Limit} {
		text := q.Get(name)
		if text == "" {
			continue
		}
		var err error
		if *n, err = strconv.Atoi(text); err != nil || *n < 0 || *n > math.MaxInt32 {
			return p, Invalid(name + " is not a number from 0")
		}
	}
	if p.Limit < 1 || p.Limit > MaxLimit {
		return p, Invalid(fmt.Sprintf("limit is not a number from 1 to %d", MaxLimit))
	}
	return p, nil
}

// Of returns the page of a list.
func Of[T any](p Page, all []T) []T {
	from := min(p.Offset, len(all))
	return all[from:min(from+p.Limit, len(all))]
}

// check refuses parameters that a route does not have, and values that they cannot have.
func check(q url.Values, known []parameter) error {
	for name, values := range q {
		i := slices.IndexFunc(known, func(p parameter) bool { return p.name == name && !p.path })
		if i < 0 {
			return Invalid(fmt.Sprintf("there is no parameter %q", name))
		}
		p := known[i]
		if len(values) > 1 && !p.many {
			return Invalid(name + " is given more than once")
		}
		for _, v := range values {
			if p.enum != nil && v != "" && !slices.Contains(p.enum, v) {
				return Invalid(fmt.Sprintf("%s %q is not one of %s", name, v, strings.Join(p.enum, ", ")))
			}
		}
	}
	return nil
}

// TimeOf reads a time, or how long ago one was, such as 90m or 7d; zero if there is none.
func TimeOf(name, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n < 36500 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, Invalid(name + " is neither a time such as 2026-01-15T14:05:00Z nor how long ago, such as 24h or 7d")
}

// AlertQueryOf reads the conditions on alerts.
func AlertQueryOf(q url.Values, now time.Time, size int) (AlertQuery, error) {
	p, err := PageOf(url.Values{"limit": q["limit"]}, size)
	if err != nil {
		return AlertQuery{}, err
	}
	since, err := TimeOf("since", q.Get("since"), now)
	if err != nil {
		return AlertQuery{}, err
	}
	blocks := false
	if text := q.Get("blocks"); text != "" {
		if blocks, err = strconv.ParseBool(text); err != nil {
			return AlertQuery{}, Invalid("blocks is neither true nor false")
		}
	}
	return AlertQuery{
		Severity: filled(q["severity"]), Rules: filled(q["rule"]), Hosts: filled(q["host"]), Users: filled(q["user"]), Where: strings.TrimSpace(q.Get("where")),
		Since: since, Blocks: blocks, After: q.Get("after"), Limit: p.Limit,
	}, nil
}

// filled returns the values that are not empty: a form sends its empty fields, too.
func filled(values []string) (out []string) {
	for _, v := range values {
		if v = strings.TrimSpace(v); v != "" {
			out = append(out, v)
		}
	}
	return out
}

// MaxBody bounds the body of a request.
const MaxBody = 1 << 20

// body reads the JSON body of a request.
func body(r *http.Request, into any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return NewProblem(http.StatusUnsupportedMediaType, "the body is not application/json")
	}
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return err //nolint:wrapcheck // it says what is wrong
		}
		return Invalid("the body is not what was expected: " + strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Invalid("the body has more than one value")
	}
	return nil
}
