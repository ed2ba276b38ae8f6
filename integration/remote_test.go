//go:build integration

package integration

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tocsin/internal/ledger"
)

// tunnel is a TCP proxy to a remote cluster, which can be interrupted.
type tunnel struct {
	address, to string

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
}

// remoteCluster registers a node as its own remote cluster, under the test's name and through a tunnel. Searches
// then see a remote cluster whose connection can break.
func remoteCluster(t *testing.T, n *Node, skip bool) *tunnel {
	t.Helper()
	var to string
	nodes := n.Must(t, http.MethodGet, "/_nodes/_local/transport", nil).At("nodes")
	for _, id := range nodes.Keys() {
		to = nodes.At(id, "transport_address").String()
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", net.JoinHostPort(facing(t, to), "0"))
	must(t, err)
	tun := &tunnel{address: listener.Addr().String(), to: to, conns: map[net.Conn]bool{}}
	ctx := context.WithoutCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { tun.carry(ctx, in) })
		}
	})
	settings := func(values object) {
		n.Must(t, http.MethodPut, "/_cluster/settings", object{"persistent": object{"cluster.remote." + n.Prefix: values}})
	}
	settings(object{"mode": "proxy", "proxy_address": tun.address, "skip_unavailable": skip})
	t.Cleanup(func() {
		_ = listener.Close()
		tun.set(true)
		running.Wait()
	})
	t.Cleanup(func() {
		_, _, err := n.send(context.WithoutCancel(t.Context()), http.MethodPut, "/_cluster/settings", "application/json",
			object{"persistent": object{"cluster.remote." + n.Prefix + ".*": nil}})
		if err != nil {
			t.Logf("clear up: %v", err)
		}
	})
	tun.await(t, n, true)
	return tun
}

// facing returns the address of this machine as seen from a node at an address.
func facing(t *testing.T, to string) string {
	t.Helper()
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(t.Context(), "tcp", to)
	if err != nil && os.Getenv("CI") == "" {
		t.Skipf("the node's transport at %s cannot be reached from here: %v", to, err)
	}
	must(t, err)
	defer func() { _ = conn.Close() }()
	host, _, err := net.SplitHostPort(conn.LocalAddr().String())
	must(t, err)
	return host
}

// carry copies a connection in both directions until one end, or the tunnel, is closed.
func (tun *tunnel) carry(ctx context.Context, in net.Conn) {
	defer func() { _ = in.Close() }()
	tun.mu.Lock()
	cut := tun.cut
	tun.conns[in] = true
	tun.mu.Unlock()
	if cut {
		return
	}
	out, err := new(net.Dialer).DialContext(ctx, "tcp", tun.to)
	if err != nil {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(in, out)
		_ = in.Close()
	})
	_, _ = io.Copy(out, in)
	_ = out.Close()
	back.Wait()
	tun.mu.Lock()
	defer tun.mu.Unlock()
	delete(tun.conns, in)
}

// set interrupts the tunnel, or restores it.
func (tun *tunnel) set(cut bool) {
	tun.mu.Lock()
	defer tun.mu.Unlock()
	tun.cut = cut
	if cut {
		for conn := range tun.conns {
			_ = conn.Close()
		}
	}
}

// await waits until the node is connected to its remote cluster, or is not.
func (tun *tunnel) await(t *testing.T, n *Node, connected bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		// The request makes the node connect again.
		state := n.Must(t, http.MethodGet, "/_resolve/cluster/"+n.Prefix+":*", nil).At(n.Prefix)
		if state.At("connected").Bool() == connected {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the remote cluster is connected: %v, want %v: %s", !connected, connected, state)
		}
	}
}

// TestRemoteClusterStopped: a slot is not covered while its remote cluster does not answer, with and without
// skip_unavailable, and in the end all events have alerted.
func TestRemoteClusterStopped(t *testing.T) {
	for _, skip := range []bool{true, false} {
		for _, tt := range []struct {
			name     string
			patterns func(n *Node) []string
		}{
			{"alone", func(n *Node) []string { return []string{n.Prefix + ":" + n.Name("far")} }},
			{"beside a local index", func(n *Node) []string { return []string{n.Name("near"), n.Prefix + ":" + n.Name("f*")} }},
			{"by a pattern of clusters", func(n *Node) []string { return []string{n.Name("near"), n.Prefix + "*:" + n.Name("f*")} }},
		} {
			t.Run(fmt.Sprintf("%s, skipped %v", tt.name, skip), func(t *testing.T) {
				t.Parallel()
				n := newNode(t)
				tun := remoteCluster(t, n, skip)
				n.CreateIndex(t, n.Name("near"), eventMapping())
				c := newCourse(n, n.Name("far"))
				c.patterns = tt.patterns(n)
				c.slots, c.why = 6, map[int]ledger.Reason{}
				for slot := 1; slot <= c.slots; slot++ {
					if slot == 3 || slot == 4 {
						c.why[slot] = ledger.Remote
					} else {
						c.status[slot] = ledger.Covered
					}
				}
				c.before[3] = func(t *testing.T) { t.Helper(); tun.set(true); tun.await(t, n, false) }
				c.before[5] = func(t *testing.T) { t.Helper(); tun.set(false); tun.await(t, n, true) }
				c.run(t)
			})
		}
	}
}

// TestRemoteClusterStoppedMeanwhile stops the remote cluster before each single request of a run.
func TestRemoteClusterStoppedMeanwhile(t *testing.T) {
	for _, back := range []bool{false, true} {
		for request := range 10 {
			t.Run(fmt.Sprintf("ahead of request %d, back again %v", request, back), func(t *testing.T) {
				t.Parallel()
				n := newNode(t)
				tun := remoteCluster(t, n, true)
				n.CreateIndex(t, n.Name("near"), eventMapping())
				c := newCourse(n, n.Name("far"))
				c.patterns = []string{n.Name("near"), n.Prefix + ":" + n.Name("far")}
				c.slots, c.status[1], c.status[4] = 4, ledger.Covered, ledger.Covered
				c.why = map[int]ledger.Reason{}
				if !back {
					c.why[3] = ledger.Remote
				}
				left := atomic.Int64{}
				left.Store(-1)
				c.client.URLs = []string{between(t, n, func() {
					switch left.Add(-1) {
					case -1:
						tun.set(true)
						tun.await(t, n, false)
					case -2:
						if back { // it was unavailable for one request
							tun.set(false)
							tun.await(t, n, true)
						}
					}
				})}
				c.before[2] = func(t *testing.T) { t.Helper(); left.Store(int64(request)) }
				c.before[4] = func(t *testing.T) { t.Helper(); tun.set(false); tun.await(t, n, true) }
				c.run(t)
			})
		}
	}
}
