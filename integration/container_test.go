//go:build integration

package integration

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
)

const (
	officialImage = "docker.elastic.co/elasticsearch/elasticsearch:8.19.21"

	// pullAndStart is long enough to pull the official image over a slow line.
	pullAndStart = 10 * time.Minute
	start        = 3 * time.Minute
)

// configureTestcontainers settles what testcontainers would otherwise guess from its surroundings.
func configureTestcontainers() error {
	// Inside a container it would take the default gateway, another machine, for the Docker host.
	if err := os.Setenv("TESTCONTAINERS_HOST_OVERRIDE", "localhost"); err != nil {
		return err
	}
	if os.Getenv("ENGINE_IMAGE") == "" {
		return nil
	}
	// Its reaper is an image of its own, which can't be pulled where the engine's can't.
	return os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
}

// startContainer starts a node with security on if there is a password, and waits until it serves.
func (s *suite) startContainer(password string) (address, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithTimeout(s.ctx, pullAndStart)
	defer cancel()
	ready := wait.ForHTTP("/_cluster/health?wait_for_status=yellow&timeout=2s").
		WithPort("9200/tcp").
		WithForcedIPv4LocalHost().
		WithBasicAuth("elastic", password).
		WithStartupTimeout(start)
	container, err := testcontainers.Run(ctx, cmp.Or(os.Getenv("ENGINE_IMAGE"), officialImage),
		testcontainers.WithExposedPorts("9200/tcp"),
		testcontainers.WithEnv(environment(password)),
		testcontainers.WithLabels(map[string]string{"tocsin.integration": cmp.Or(os.Getenv("ENGINE_RUN"), "node")}),
		testcontainers.WithWaitStrategyAndDeadline(start, ready),
	)
	if container != nil {
		s.terminates = append(s.terminates, func() { terminate(container) })
	}
	if err != nil {
		return address{}, fmt.Errorf("start container: %w%s", err, lastLog(container))
	}
	port, err := container.MappedPort(ctx, "9200/tcp")
	if err != nil {
		return address{}, fmt.Errorf("find container's port: %w", err)
	}
	return address{url: "http://127.0.0.1:" + port.Port(), password: password}, nil
}

func environment(password string) map[string]string {
	env := map[string]string{
		"discovery.type": "single-node",
		"cluster.routing.allocation.disk.threshold_enabled": "false",
		"ES_JAVA_OPTS":           "-Xms1g -Xmx1g",
		"xpack.security.enabled": "false",
	}
	if password != "" {
		env["xpack.security.enabled"] = "true"
		env["xpack.security.http.ssl.enabled"] = "false"
		env["ELASTIC_PASSWORD"] = password
		env["ES_JAVA_OPTS"] = "-Xms512m -Xmx512m"
	}
	return env
}

func terminate(container testcontainers.Container) {
	if err := testcontainers.TerminateContainer(container, testcontainers.StopTimeout(0)); err != nil {
		fmt.Fprintf(os.Stderr, "a container is left behind (integration/engine/container/docker-up.sh clean): %v\n", err)
	}
}

// lastLog returns the end of what a container that failed to start has printed.
func lastLog(container *testcontainers.DockerContainer) string {
	if container == nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
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

// check makes sure that a node which somebody else started answers as Elasticsearch.
func (a address) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url, nil)
	if err != nil {
		return err
	}
	if a.password != "" {
		request.SetBasicAuth("elastic", a.password)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK || response.Header.Get("X-Elastic-Product") != "Elasticsearch" {
		return fmt.Errorf("%s answers %s and is no Elasticsearch to us", a.url, response.Status)
	}
	return nil
}
