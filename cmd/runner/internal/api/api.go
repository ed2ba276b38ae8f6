package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Prefix is where the API is.
const Prefix = "/api/v1"

// requestTimeout bounds a request.
const requestTimeout = 25 * time.Second

// API gives out what a Source says.
type API struct {
	Source Source
	// Caller returns the name of who sends a request, "" if it has none; nil: nobody has.
	Caller func(context.Context) string
	// Redact removes secrets from the text of an error.
	Redact func(string) string
	// Version is the version in the document.
	Version string
}

// Handler answers requests below [Prefix].
func (a *API) Handler() http.Handler {
	mux := http.NewServeMux()
	methods := map[string][]string{}
	for _, one := range table {
		mux.HandleFunc(one.method+" "+Prefix+one.path, func(w http.ResponseWriter, r *http.Request) { a.answer(w, r, one) })
		methods[one.path] = append(methods[one.path], one.method)
	}
	document, err := json.MarshalIndent(Document(a.Version), "", "  ")
	if err != nil {
		panic("api: the document cannot be encoded: " + err.Error()) // it is made of constants
	}
	mux.HandleFunc("GET "+Prefix+"/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(document)
	})
	for path, allowed := range methods {
		mux.HandleFunc(Prefix+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			WriteProblem(w, NewProblem(http.StatusMethodNotAllowed, "allowed are "+strings.Join(allowed, ", ")))
		})
	}
	mux.HandleFunc(Prefix+"/", func(w http.ResponseWriter, _ *http.Request) {
		WriteProblem(w, NotFound("there is no such operation, see "+Prefix+"/openapi.json"))
	})
	return mux
}

// answer serves one request.
func (a *API) answer(w http.ResponseWriter, r *http.Request, one route) {
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	r = r.WithContext(ctx)
	r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
	answer, err := a.serve(r, one)
	if err == nil {
		var out bytes.Buffer
		enc := json.NewEncoder(&out)
		if err = enc.Encode(answer); err == nil {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(out.Bytes())
			return
		}
	}
	WriteProblem(w, ProblemOf(err, a.Redact))
}

func (a *API) serve(r *http.Request, one route) (any, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, Invalid("the query of the address cannot be read")
	}
	if err := check(q, one.parameters); err != nil {
		return nil, err
	}
	return one.serve(a, r)
}

func (a *API) rules(r *http.Request) (any, error) {
	p, err := PageOf(r.URL.Query(), DefaultLimit)
	if err != nil {
		return nil, err
	}
	all, err := a.Source.Rules(r.Context())
	if err != nil {
		return nil, err //nolint:wrapcheck // it is the Source's
	}
	found := RuleFilterOf(r.URL.Query()).Select(all.Rules)
	all.Total, all.Rules = len(found), Of(p, found)
	return all, nil
}

func (a *API) slots(r *http.Request) (any, error) {
	now := time.Now()
	to, err := TimeOf("to", r.URL.Query().Get("to"), now)
	if err != nil {
		return nil, err
	}
	if to.IsZero() {
		to = now
	}
	from, err := TimeOf("from", r.URL.Query().Get("from"), now)
	if err != nil {
		return nil, err
	}
	if from.IsZero() {
		from = to.Add(-day)
	}
	if !from.Before(to) || to.Sub(from) > MaxSlots {
		return nil, Invalid("from is not before to, or more than " + strconv.Itoa(int(MaxSlots/day)) + " days before")
	}
	id := r.PathValue("id")
	slots, err := a.Source.Slots(r.Context(), id, from, to)
	if err != nil {
		return nil, err //nolint:wrapcheck // it is the Source's
	}
	return SlotList{id, slots}, nil
}

const day = 24 * time.Hour

// MaxSlots is the longest time of which slots are listed.
const MaxSlots = 31 * day

func (a *API) runs(r *http.Request) (any, error) {
	p, err := PageOf(r.URL.Query(), DefaultLimit)
	if err != nil {
		return nil, err
	}
	all, err := a.Source.Runs(r.Context())
	if err != nil {
		return nil, err //nolint:wrapcheck // it is the Source's
	}
	id, statuses := r.URL.Query().Get("rule"), filled(r.URL.Query()["status"])
	found := make([]Run, 0, len(all))
	for _, one := range all {
		if (id == "" || one.RuleID == id) && (len(statuses) == 0 || slices.Contains(statuses, one.Status)) {
			found = append(found, one)
		}
	}
	return Runs{Of(p, found)}, nil
}

func (a *API) coverage(r *http.Request) (any, error) {
	q := r.URL.Query()
	p, err := PageOf(q, DefaultLimit)
	if err != nil {
		return nil, err
	}
	open := false
	if text := q.Get("open"); text != "" {
		if open, err = strconv.ParseBool(text); err != nil {
			return nil, Invalid("open is neither true nor false")
		}
	}
	all, err := a.Source.Coverage(r.Context())
	if err != nil {
		return nil, err //nolint:wrapcheck // it is the Source's
	}
	found := SelectCoverage(all.Rules, q.Get("q"), open)
	all.Total, all.Rules = len(found), Of(p, found)
	return all, nil
}

func (a *API) gaps(r *http.Request) (any, error) {
	p, err := PageOf(r.URL.Query(), DefaultLimit)
	if err != nil {
		return nil, err
	}
	all, err := a.Source.Gaps(r.Context())
	if err != nil {
		return nil, err //nolint:wrapcheck // it is the Source's
	}
	id := r.URL.Query().Get("rule")
	found := make([]Gap, 0, len(all.Gaps))
	for _, one := range all.Gaps {
		if id == "" || one.RuleID == id {
			found = append(found, one)
		}
	}
	all.Total, all.Gaps = len(found), Of(p, found)
	return all, nil
}

func (a *API) costs(r *http.Request) (any, error) {
	p, err := PageOf(r.URL.Query(), DefaultLimit)
	if err != nil {
		return nil, err
	}
	all, err := a.Source.Costs(r.Context())
	if err != nil {
		return nil, err //nolint:wrapcheck // it is the Source's
	}
	all.Total, all.Costs = len(all.Costs), Of(p, SortCosts(all.Costs, r.URL.Query().Get("sort")))
	return all, nil
}

func (a *API) states(r *http.Request) (any, error) {
	q := r.URL.Query()
	p, err := PageOf(q, DefaultLimit)
	if err != nil {
		return nil, err
	}
	f, err := StateFilterOf(q, time.Now())
	if err != nil {
		return nil, err
	}
	all, err := a.Source.States(r.Context())
	if err != nil {
		return nil, err //nolint:wrapcheck // it is the Source's
	}
	found := f.Select(all.States)
	all.Total, all.States = len(found), Of(p, found)
	return all, nil
}
