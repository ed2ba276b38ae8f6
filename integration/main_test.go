//go:build integration

package integration

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"

	"tocsin/tocsintest"
)

// nodes are the Elasticsearch nodes of this run.
var nodes suite

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(tocsintest.Main(m, nodes.open))
}

const advice = `
What to do, one of:
  - where images can be pulled: start Docker and run the tests again
  - where they cannot (Debian, root): eval "$(integration/engine/up.sh)"
  - without Docker: integration/engine/node/run.sh 9200, and TOCSIN_ELASTICSEARCH_URL=http://127.0.0.1:9200
`

// suite holds the nodes that the tests share: the open one from the start, the secured one when a test needs it
// first.
type suite struct {
	node *tocsintest.Node

	securedOnce sync.Once
	secured     *tocsintest.Node
	securedErr  error

	ctx context.Context // ends when the suite closes, which cancels a start in progress
}

// open gets the node that nearly all tests use.
func (s *suite) open(ctx context.Context) (err error) {
	s.ctx = ctx
	// Inside a container testcontainers would take the default gateway, another machine, for the Docker host.
	if err := os.Setenv("TESTCONTAINERS_HOST_OVERRIDE", "localhost"); err != nil {
		return fmt.Errorf("no Elasticsearch for the integration tests: %w", err)
	}
	if s.node, err = node(ctx, "TOCSIN_ELASTICSEARCH_URL", ""); err != nil {
		return fmt.Errorf("no Elasticsearch for the integration tests: %w\n%s", err, advice)
	}
	return nil
}

// openSecured gets the node with security on, once for all tests.
func (s *suite) openSecured() (*tocsintest.Node, error) {
	s.securedOnce.Do(func() {
		password := "t0p-Secret-of-this-suite"
		if os.Getenv("TOCSIN_SECURED_ELASTICSEARCH_URL") != "" {
			password = os.Getenv("TOCSIN_SECURED_ELASTICSEARCH_PASSWORD")
		}
		s.secured, s.securedErr = node(s.ctx, "TOCSIN_SECURED_ELASTICSEARCH_URL", password)
	})
	return s.secured, s.securedErr
}

// node takes the node whose URL is in a variable, else starts one, with security on if there is a password.
func node(ctx context.Context, variable, password string) (*tocsintest.Node, error) {
	if url := os.Getenv(variable); url != "" {
		n := &tocsintest.Node{URL: url, Password: password}
		if password != "" {
			n.Username = "elastic"
		}
		err := n.Check(ctx)
		return n, err
	}
	heap := "1g"
	if password != "" {
		heap = "512m"
	}
	return tocsintest.StartNode(ctx, tocsintest.NodeOptions{
		Image: os.Getenv("ENGINE_IMAGE"), Password: password, Heap: heap,
		Labels: map[string]string{"tocsin.integration": cmp.Or(os.Getenv("ENGINE_RUN"), "node")},
	})
}
