//go:build integration

package integration

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"
)

// nodes are the Elasticsearch nodes of this run.
var nodes suite

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(runSuite(m))
}

// closing is the timeout of stopping the containers.
const closing = 10 * time.Second

func runSuite(m *testing.M) int {
	nodes.ctx, nodes.cancel = context.WithCancel(context.Background())
	defer nodes.close()
	// The timeout of go test kills the process without clean-up, and so does an interrupt.
	if limit := timeLimit(); limit > closing {
		defer time.AfterFunc(limit-closing, nodes.close).Stop()
	}
	interrupt := make(chan os.Signal, 1)
	signal.Notify(interrupt, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupt
		nodes.close()
		os.Exit(130)
	}()

	if err := nodes.open(); err != nil {
		fmt.Fprintf(os.Stderr, "no Elasticsearch for the integration tests: %v\n%s", err, advice)
		return 1
	}
	return m.Run()
}

const advice = `
What to do, one of:
  - where images can be pulled: start Docker and run the tests again
  - where they cannot (Debian, root): eval "$(integration/engine/up.sh)"
  - without Docker: integration/engine/node/run.sh 9200, and TOCSIN_ELASTICSEARCH_URL=http://127.0.0.1:9200
`

func timeLimit() time.Duration {
	limit, err := time.ParseDuration(flag.Lookup("test.timeout").Value.String())
	if err != nil {
		return 0
	}
	return limit
}

// address is the URL of a node with its credentials, if it requires any.
type address struct {
	url      string
	password string // of the superuser "elastic"; empty where security is off
}

// suite holds the nodes that the tests share: the open one from the start, the secured one when a test needs it
// first.
type suite struct {
	node address

	securedOnce sync.Once
	secured     address
	securedErr  error

	ctx    context.Context // ends when the suite closes, which cancels a start in progress
	cancel context.CancelFunc

	mu         sync.Mutex // held while a container starts
	terminates []func()   // of the containers that run
}

// open gets the node that nearly all tests use.
func (s *suite) open() error {
	if err := configureTestcontainers(); err != nil {
		return err
	}
	if url := os.Getenv("TOCSIN_ELASTICSEARCH_URL"); url != "" {
		s.node = address{url: url}
		return s.node.check(s.ctx)
	}
	var err error
	s.node, err = s.startContainer("")
	return err
}

// openSecured gets the node with security on, once for all tests.
func (s *suite) openSecured() (address, error) {
	s.securedOnce.Do(func() {
		if url := os.Getenv("TOCSIN_SECURED_ELASTICSEARCH_URL"); url != "" {
			s.secured = address{url: url, password: os.Getenv("TOCSIN_SECURED_ELASTICSEARCH_PASSWORD")}
			s.securedErr = s.secured.check(s.ctx)
			return
		}
		s.secured, s.securedErr = s.startContainer("t0p-Secret-of-this-suite")
	})
	return s.secured, s.securedErr
}

// close ends every container that the suite started. It may be called more than once.
func (s *suite) close() {
	s.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, terminate := range s.terminates {
		terminate()
	}
	s.terminates = nil
}
