package guard

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// burst is how many attempts may fail in a row, refill the time after which there is one more.
	burst  = 10
	refill = 6 * time.Second
	// maxClients bounds the clients that are remembered.
	maxClients = 4096
)

// attempts limits the failed attempts of each client.
type attempts struct {
	mu sync.Mutex
	by map[netip.Prefix]*allowance
}

// allowance is how many attempts a client has left, as of a time.
type allowance struct {
	left float64
	at   time.Time
}

// take uses up an attempt of a client; false if it has none.
func (a *attempts) take(client netip.Prefix, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	one := a.by[client]
	if one == nil {
		a.makeRoom(now)
		one = &allowance{left: burst, at: now}
		a.by[client] = one
	}
	one.refresh(now)
	if one.left < 1 {
		return false
	}
	one.left--
	return true
}

// giveBack returns the attempt of a client that did not fail.
func (a *attempts) giveBack(client netip.Prefix) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if one := a.by[client]; one != nil {
		one.left = min(burst, one.left+1)
	}
}

func (o *allowance) refresh(now time.Time) {
	if passed := now.Sub(o.at); passed > 0 {
		o.left = min(burst, o.left+float64(passed)/float64(refill))
	}
	o.at = now
}

// makeRoom forgets the clients that have all attempts again, and, if that is not enough, the one that was here longest ago.
func (a *attempts) makeRoom(now time.Time) {
	if a.by == nil {
		a.by = map[netip.Prefix]*allowance{}
	}
	if len(a.by) < maxClients {
		return
	}
	var oldest netip.Prefix
	var since time.Time
	for client, one := range a.by {
		if since.IsZero() || one.at.Before(since) {
			oldest, since = client, one.at
		}
		if one.left+float64(now.Sub(one.at))/float64(refill) >= burst {
			delete(a.by, client)
		}
	}
	if len(a.by) >= maxClients {
		delete(a.by, oldest)
	}
}
