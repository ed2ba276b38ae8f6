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

// Client is a client of one cluster. It is safe for concurrent use; Close ends it.
type Client struct {
	transport *elastictransport.Client
	idle      func()
	name      string
	// several: there is more than one address.
	several     bool
	credentials *credentialsKeeper
	timeout     time.Duration
	maxRetries  int
	log         *slog.Logger
	// mappingsWarned makes missing privileges for mappings be logged once.
	mappingsWarned sync.Once
	// healthWarned makes a missing privilege for the cluster health be logged once.
	healthWarned sync.Once
	known        resolutionCache
	// seriesFacts caches the facts about indices of alerts' events.
	seriesFacts seriesFacts
	rights      rights
	seen        indexHistory
	// closedPolicy is how closed indices affect windows.
	closedPolicy  ClosedPolicy
	wholePatterns bool
	limit         *limiter
	// pageLimits remembers the page sizes that the cluster's memory allows.
	pageLimits pageLimits
	// pageMemory limits the memory of the pages that are held.
	pageMemory pageMemory
}

// New returns a client. It does not connect; see [Client.Ping].
func New(cfg Config) (*Client, error) {
	rt, err := NewHTTPTransport(cfg)
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
	given, err := cfg.credentials(user)
	if err != nil {
		return nil, err
	}
	creds := keepCredentials(cfg, given)
	transport, err := elastictransport.NewClient(
		elastictransport.WithURLs(urls...),
		elastictransport.WithTransport(&authenticator{next: rt, credentials: creds}),
		elastictransport.WithUserAgent(cfg.UserAgent),
		elastictransport.WithDisableRetry(), // try has its own retries, which cover reading the answer
	)
	if err != nil {
		return nil, fmt.Errorf("elasticsearch: %w", err)
	}
	idle := func() {}
	if closer, ok := rt.(interface{ CloseIdleConnections() }); ok {
		idle = closer.CloseIdleConnections
	}
	return &Client{
		transport: transport, idle: idle, name: cfg.String(), several: len(urls) > 1, credentials: creds,
		timeout: cfg.RequestTimeout, maxRetries: cfg.MaxRetries, log: cfg.Logger,
		closedPolicy: cfg.Closed, wholePatterns: cfg.WholePatterns,
		limit: newLimiter(float64(cfg.SearchRate)),
	}, nil
}

// String returns the addresses of the cluster, without credentials.
func (c *Client) String() string { return c.name }

// GoString keeps the secrets out of %#v.
func (c *Client) GoString() string { return "elastic.Client{" + c.name + "}" }

// Close closes the connections. Running calls fail.
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
	// Name and UUID are those of the cluster, Version is the version of Elasticsearch: "8.19.7".
	Name, UUID, Version string
}

// Ping returns the cluster's name, UUID and version. It fails with kind Refused if the server is not Elasticsearch
// or rejects the credentials.
func (c *Client) Ping(ctx context.Context) (Info, error) {
	type answer struct {
		Name    string `json:"cluster_name"`
		UUID    string `json:"cluster_uuid"`
		Version struct {
			Number string `json:"number"`
		} `json:"version"`
	}
	a, err := call[answer](ctx, c, "ping "+c.name, func() esapi.Request { return esapi.InfoRequest{} })
	return Info{Name: a.Name, UUID: a.UUID, Version: a.Version.Number}, err
}
