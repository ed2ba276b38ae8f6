package elastic

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// RoleRequest creates or replaces a role.
func RoleRequest(name string, role Role) Request {
	return Request{Method: http.MethodPut, Path: "/_security/role/" + url.PathEscape(name), Body: role, Why: "the role of the runner"}
}

// KeyRequest creates an API key with the privileges of a role; 0: it does not expire.
func KeyRequest(name string, role Role, expires time.Duration) Request {
	body := map[string]any{
		"name": name, "role_descriptors": map[string]any{"tocsin": role}, "metadata": map[string]any{"managed_by": "tocsin"},
	}
	if expires > 0 {
		body["expiration"] = fmt.Sprintf("%ds", int64(expires/time.Second))
	}
	return Request{Method: http.MethodPost, Path: "/_security/api_key", Body: body, Why: "an API key with the privileges of the role"}
}

// Key is a new API key. Its text form does not have the key.
type Key struct {
	ID, Name string
	// Encoded is what the runner sends. It is known only now.
	Encoded string
	// Expires is zero for a key that does not.
	Expires time.Time
}

// String names the key without its secret.
func (k Key) String() string { return "API key " + k.Name + " (id " + k.ID + ")" }

// GoString keeps the secret out of %#v.
func (k Key) GoString() string { return k.String() }

// CreateKey sends a [KeyRequest].
func (c *Client) CreateKey(ctx context.Context, r Request) (Key, error) {
	type answer struct {
		ID         string `json:"id"`
		Name       string `json:"name"`
		Encoded    string `json:"encoded"`
		Expiration int64  `json:"expiration"`
	}
	a, err := send[answer](ctx, c, r)
	if err != nil {
		return Key{}, err
	}
	k := Key{ID: a.ID, Name: a.Name, Encoded: a.Encoded}
	if a.Expiration > 0 {
		k.Expires = time.UnixMilli(a.Expiration).UTC()
	}
	return k, nil
}

// Requests returns what Install sends in a cluster without any of it.
func (a *Alerts) Requests() []Request {
	if a.ofKibana {
		return nil
	}
	var out []Request
	for _, t := range a.templates() {
		out = append(out, Request{Method: http.MethodPut, Path: t.path, Body: t.body, Why: t.op})
	}
	return append(out, a.firstRequest())
}

// Requests returns what Install sends.
func (l *Ledger) Requests() []Request { return []Request{indexRequest(l.index, l.definition())} }

// Requests returns what Install sends.
func (l *Leases) Requests() []Request { return []Request{indexRequest(l.index, l.definition())} }

// Requests returns what Install sends.
func (o *Outbox) Requests() []Request { return []Request{indexRequest(o.index, o.definition())} }

// Requests returns what is sent before the first table is written.
func (t *Tables) Requests() []Request { return []Request{indexRequest(t.index, t.definition())} }

// Install creates the index if it does not exist.
func (t *Tables) Install(ctx context.Context) error { return t.install(ctx) }

func indexRequest(name string, definition map[string]any) Request {
	return Request{Method: http.MethodPut, Path: "/" + name, Body: definition, Why: "index [" + name + "]"}
}
