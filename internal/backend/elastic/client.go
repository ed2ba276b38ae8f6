package elastic

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/elastic/elastic-transport-go/v8/elastictransport"
	"github.com/elastic/go-elasticsearch/v8/esapi"
)

// Client is a client for one cluster. It is safe for concurrent use.
type Client struct {
	transport   *elastictransport.Client
	idle        func()
	name        string
	credentials *credentials
	timeout     time.Duration
	maxRetries  int
	log         *slog.Logger
	// blind logs missing privileges only once.
	blind sync.Once
	// unasked does so for the privilege to read the cluster's health.
	unasked sync.Once
	known   knowledge
	// seriesFacts has the facts about the indices of alerts.
	seriesFacts seriesFacts
	rights      rights
	seen        sightings
	// closedPolicy is how closed indices are treated.
	closedPolicy  ClosedPolicy
	wholePatterns bool
	limit         *limiter
	// bearable has the page sizes that the cluster can handle, where larger ones were too large.
	bearable bearable
	// held accounts for the pages of documents in memory.
	held holdings
}

// New returns a client. It does not call the cluster; [Client.Ping] does.
func New(cfg Config) (*Client, error) {
	rt, err := newHTTPTransport(cfg.CAFile)
	if err != nil {
		return nil, err
	}
	return newClient(cfg, rt)
}

func newClient(cfg Config, rt http.RoundTripper) (*Client, error) {
	cfg = cfg.withDefaults()
	urls, user, err := cfg.addresses()
	if err != nil {
		return nil, err
	}
	creds, err := cfg.credentials(user)
	if err != nil {
		return nil, err
	}
	transport, err := elastictransport.NewClient(
		elastictransport.WithURLs(urls...),
		elastictransport.WithTransport(&authenticator{next: rt, credentials: creds}),
		elastictransport.WithUserAgent(cfg.UserAgent),
		elastictransport.WithDisableRetry(), // our own retries include reading the answer
	)
	if err != nil {
		return nil, fmt.Errorf("elasticsearch: %w", err)
	}
	idle := func() {}
	if closer, ok := rt.(interface{ CloseIdleConnections() }); ok {
		idle = closer.CloseIdleConnections
	}
	return &Client{
		transport: transport, idle: idle, name: cfg.String(), credentials: creds,
		timeout: cfg.RequestTimeout, maxRetries: cfg.MaxRetries, log: cfg.Logger,
		closedPolicy: cfg.Closed, wholePatterns: cfg.WholePatterns,
		limit: newLimiter(float64(cfg.SearchRate)),
	}, nil
}

// String returns the addresses of the cluster, without credentials.
func (c *Client) String() string { return c.name }

// GoString keeps secrets out of %#v.
func (c *Client) GoString() string { return "elastic.Client{" + c.name + "}" }

// Close closes the connections. Calls in progress fail.
func (c *Client) Close(ctx context.Context) error {
	err := c.transport.Close(ctx)
	c.idle()
	if err != nil {
		return fmt.Errorf("close the connections to Elasticsearch: %w", err)
	}
	return nil
}

// Info describes a cluster.
type Info struct {
	// Name is the name of the cluster, Version the version of its software, such as "8.19.7".
	Name, Version string
}

// Ping returns the cluster's name and version. It fails with kind Refused if the server is not Elasticsearch or does not
// accept the credentials.
func (c *Client) Ping(ctx context.Context) (Info, error) {
	type answer struct {
		Name    string `json:"cluster_name"`
		Version struct {
			Number string `json:"number"`
		} `json:"version"`
	}
	a, err := call[answer](ctx, c, "ping "+c.name, func() esapi.Request { return esapi.InfoRequest{} })
	return Info{Name: a.Name, Version: a.Version.Number}, err
}
