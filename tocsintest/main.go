package tocsintest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// closing is how long the end of containers may take; the timeout of go test kills the process without any clean-up.
const closing = 10 * time.Second

// process is what outlives a test, up to the end of [Main].
type process struct {
	mu      sync.Mutex
	ctx     context.Context // nil unless Main runs
	cancel  context.CancelFunc
	endings []func()

	node   func() (*Node, error)
	runner func() (string, error)
}

var shared process

// Main runs the tests of a package, which then share one node and one build of the command, and returns their exit code:
//
//	func TestMain(m *testing.M) { os.Exit(tocsintest.Main(m)) }
//
// It ends what was started also when the tests are interrupted, or about to exceed their timeout. What before returns as an error
// ends the run before any test.
func Main(m *testing.M, before ...func(context.Context) error) int {
	if !flag.Parsed() {
		flag.Parse()
	}
	shared.begin()
	defer shared.end()
	if limit := timeLimit(); limit > closing {
		defer time.AfterFunc(limit-closing, shared.end).Stop()
	}
	interrupt := make(chan os.Signal, 1)
	signal.Notify(interrupt, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(interrupt)
	go func() {
		<-interrupt
		shared.end()
		os.Exit(130)
	}()
	for _, f := range before {
		if err := f(shared.ctx); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

// AtEnd has f called when [Main] ends, the last one first. Without Main it reports false, and f is not called.
func AtEnd(f func()) bool {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.ctx == nil {
		return false
	}
	shared.endings = append(shared.endings, f)
	return true
}

func timeLimit() time.Duration {
	limit, err := time.ParseDuration(flag.Lookup("test.timeout").Value.String())
	if err != nil {
		return 0
	}
	return limit
}

func (p *process) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.node = sync.OnceValues(func() (*Node, error) { return openNode(p.ctx) })
	p.runner = sync.OnceValues(func() (string, error) {
		dir, err := os.MkdirTemp("", "tocsintest-")
		if err != nil {
			return "", fmt.Errorf("build the runner: %w", err)
		}
		AtEnd(func() { _ = os.RemoveAll(dir) })
		return buildRunner(p.ctx, dir)
	})
}

// end calls what waits for the end, once.
func (p *process) end() {
	p.cancel()
	p.mu.Lock()
	endings := p.endings
	p.endings = nil
	p.mu.Unlock()
	for _, f := range slices.Backward(endings) {
		f()
	}
}

// ofProcess returns what Main shares; nil, nil without Main.
func (p *process) ofProcess() (node func() (*Node, error), runner func() (string, error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.node, p.runner
}
