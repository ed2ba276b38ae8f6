package elastic

import (
	"context"
	"net/http"
	"regexp"
)

// FileAge is how long what a file contains counts.
const FileAge = fileAge

// NewWithTransport is New over something else than HTTP, for tests in which time stands still. A search that has no place
// of the limits panics there.
func NewWithTransport(cfg Config, rt http.RoundTripper) (*Client, error) {
	w := &witness{next: rt}
	c, err := newClient(cfg, w)
	w.client = c
	return c, err
}

type witness struct {
	next   http.RoundTripper
	client *Client
}

// searchPath is the path of the requests that run searches.
var searchPath = regexp.MustCompile(`/_(search|msearch|count|query|eql|sql|async_search|terms_enum)(/|$)`)

func (w *witness) RoundTrip(r *http.Request) (*http.Response, error) {
	if searchPath.MatchString(r.URL.Path) && r.Method != http.MethodDelete && w.client.Load().Running == 0 {
		panic(r.Method + " " + r.URL.Path + " has no place of the limits")
	}
	return w.next.RoundTrip(r) //nolint:wrapcheck // it stands for the transport
}

// The limits of searches, for tests in which time stands still.
const (
	FirstSearches   = firstSearches
	MostSearches    = mostSearches
	BackgroundShare = backgroundShare
)

// NewLimiter returns the limits of a client.
func NewLimiter(rate float64) *limiter { return newLimiter(rate) }

// Enter waits for a place.
func (l *limiter) Enter(ctx context.Context) (func(error), error) { return l.enter(ctx, &l.searches) }

// Load is Client.Load.
func (l *limiter) Load() Load { return l.load() }

// ForgetRights makes a client check its privileges again, including privileges on patterns that were readable
// in part, as it does once a minute.
func ForgetRights(c *Client) {
	c.rights.invalidate()
	c.known.forget()
}

// SetPagesMemory sets what all pages may have, and returns how much is read of an answer to a search, while few
// pages are held, and to several searches.
func SetPagesMemory(c *Client, bytes int) (page, together int) {
	c.pageMemory.memory = bytes
	return c.pageMemory.limit(), c.pageMemory.together()
}

// Holdings are the page sizes that a client remembers.
type Holdings struct{ of pageMemory }

// Begin announces pages.
func (h *Holdings) Begin(pages int) func() { return h.of.begin(pages) }

// Share is what each may have.
func (h *Holdings) Share() int { return h.of.share() }

// KibanaFaults returns why an index with this mapping cannot take alerts.
func KibanaFaults(mappings map[string]any) []string {
	a, err := NewKibanaAlerts(nil, "default")
	if err != nil {
		panic(err)
	}
	return kibanaFaults(a.mappings(), described{Mappings: mappings})
}

// WrittenToKibana reports whether alerts may have a field of this name, other than from their event.
func WrittenToKibana(name string) bool { return writtenToKibana(name) }

// KibanaFields are the fields that Kibana's mapping must have.
func KibanaFields() []string { return kibanaFields }
