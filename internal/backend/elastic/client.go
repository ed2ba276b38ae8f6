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

// Client talks to one cluster. It is safe for concurrent use; Close ends it.
type Client struct {
	transport   *elastictransport.Client
	idle        func()
	name        string
	credentials *credentials
	timeout     time.Duration
	maxRetries  int
	log         *slog.Logger
	// blind makes sure that missing privileges are remarked on once.
	blind sync.Once
	// unasked does so for the health of the cluster.
	unasked sync.Once
	known   knowledge
	// seriesFacts has the facts about the indices of alerts.
	seriesFacts seriesFacts
	rights      rights
	seen        sightings
	// closedPolicy says what closed indices are to windows.
	closedPolicy  ClosedPolicy
	wholePatterns bool
	limit         *limiter
	// bearable are the sizes of pages that were too much for the cluster's memory otherwise.
	bearable bearable
	// held are the pages of documents that are held.
	held holdings
}

// New makes a client. It does not call the cluster; [Client.Ping] does.
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
		elastictransport.WithDisableRetry(), // Ours reads the answer within the try and types the error.
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

// GoString keeps the secrets out of %#v.
func (c *Client) GoString() string { return "elastic.Client{" + c.name + "}" }

// Close gives the connections back. Calls that are under way fail.
func (c *Client) Close(ctx context.Context) error {
	err := c.transport.Close(ctx)
	c.idle()
	if err != nil {
		return fmt.Errorf("close the connections to Elasticsearch: %w", err)
	}
	return nil
}

// Info is what a cluster says of itself.
type Info struct {
	// Name is the name of the cluster, Version of its software: "8.19.7".
	Name, Version string
}

// Ping asks the cluster for its name and version. It fails with kind Refused when the other side is
// not Elasticsearch or does not accept the credentials.
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
