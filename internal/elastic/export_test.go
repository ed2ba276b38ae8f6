package elastic

import "net/http"

// NewWithTransport is New over something else than HTTP, for tests in which time stands still.
func NewWithTransport(cfg Config, rt http.RoundTripper) (*Client, error) { return newClient(cfg, rt) }
