package tocsintest

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
)

// OfficialImage is the image that is started where no other is named.
const OfficialImage = "docker.elastic.co/elasticsearch/elasticsearch:8.19.21"

const (
	// pullAndStart is long enough to pull the official image over a slow line.
	pullAndStart = 10 * time.Minute
	start        = 3 * time.Minute
	port         = "9200/tcp"
	superuser    = "elastic"
)

// NodeOptions say which node [StartNode] starts; the zero value is useful.
type NodeOptions struct {
	// Image is that of Elastic, or one that reads the same variables; by default the one in TOCSIN_ELASTICSEARCH_IMAGE, else OfficialImage.
	Image string
	// Password turns security on, and is the one of the superuser. HTTP is plain in any case.
	Password string
	// Heap is the heap of its JVM, by default 1g.
	Heap string
	// Environment has further variables, such as settings of the node by their dotted names.
	Environment map[string]string
	// Labels are those of the container.
	Labels map[string]string
}

// StartNode starts a node in a container, and waits until it serves. Its Close ends the container, and so does the end of [Main].
func StartNode(ctx context.Context, o NodeOptions) (*Node, error) {
	ctx, cancel := context.WithTimeout(ctx, pullAndStart)
	defer cancel()
	ready := wait.ForHTTP("/_cluster/health?wait_for_status=yellow&timeout=2s").
		WithPort(port).
		WithForcedIPv4LocalHost().
		WithBasicAuth(superuser, o.Password).
		WithStartupTimeout(start)
	container, err := testcontainers.Run(ctx, cmp.Or(o.Image, os.Getenv("TOCSIN_ELASTICSEARCH_IMAGE"), OfficialImage),
		testcontainers.WithExposedPorts(port),
		testcontainers.WithEnv(o.environment()),
		testcontainers.WithLabels(o.Labels),
		testcontainers.WithWaitStrategyAndDeadline(start, ready),
	)
	terminate := sync.OnceFunc(func() {
		if err := testcontainers.TerminateContainer(container, testcontainers.StopTimeout(0)); err != nil {
			fmt.Fprintf(os.Stderr, "a container of Elasticsearch is left behind: %v\n", err)
		}
	})
	if err != nil {
		err = fmt.Errorf("start container: %w%s", err, lastLog(ctx, container))
		terminate()
		return nil, err
	}
	AtEnd(terminate)
	n := &Node{terminate: terminate}
	if o.Password != "" {
		n.Username, n.Password = superuser, o.Password
	}
	if n.URL, err = address(ctx, container); err != nil {
		terminate()
		return nil, err
	}
	return n, nil
}

func address(ctx context.Context, container *testcontainers.DockerContainer) (string, error) {
	host, err := container.Host(ctx)
	if err != nil {
		return "", fmt.Errorf("find the container's host: %w", err)
	}
	if host == "localhost" {
		host = "127.0.0.1" // ports may be published for IPv4 alone
	}
	mapped, err := container.MappedPort(ctx, port)
	if err != nil {
		return "", fmt.Errorf("find the container's port: %w", err)
	}
	return "http://" + host + ":" + mapped.Port(), nil
}

func (o NodeOptions) environment() map[string]string {
	heap := cmp.Or(o.Heap, "1g")
	env := map[string]string{
		"discovery.type": "single-node",
		"cluster.routing.allocation.disk.threshold_enabled": "false",
		"ES_JAVA_OPTS":           "-Xms" + heap + " -Xmx" + heap,
		"xpack.security.enabled": "false",
	}
	if o.Password != "" {
		env["xpack.security.enabled"] = "true"
		env["xpack.security.http.ssl.enabled"] = "false"
		env["ELASTIC_PASSWORD"] = o.Password
	}
	maps.Copy(env, o.Environment)
	return env
}

// lastLog returns the end of what a container that failed to start has printed.
func lastLog(ctx context.Context, container *testcontainers.DockerContainer) string {
	if container == nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	logs, err := container.Logs(ctx)
	if err != nil {
		return ""
	}
	defer logs.Close()
	text, err := io.ReadAll(logs)
	if err != nil || len(text) == 0 {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return "\nits last words:\n" + strings.Join(lines[max(0, len(lines)-30):], "\n")
}
