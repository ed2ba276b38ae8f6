package guard

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// sessionLength is how long a session lasts.
	sessionLength = 12 * time.Hour
	// maxSessions bounds the sessions that are kept.
	maxSessions = 1000
	// maxVerified bounds the passwords that are remembered as right, verifiedFor how long they are.
	maxVerified = 100
	verifiedFor = 5 * time.Minute
)

// cookie is the name of the cookie. With the prefix, browsers accept it from this host over an encrypted connection only.
func (g *Guard) cookie() string {
	if g.o.Secure {
		return "__Host-tocsin"
	}
	return "tocsin"
}

func (g *Guard) cookieFor(r *http.Request, value string, maxAge int) *http.Cookie {
	// A proxy in front that encrypts says so. A client that says so itself only keeps its own cookie from being sent.
	secure := g.o.Secure || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
	return &http.Cookie{ //nolint:gosec // it is secure wherever the connection is
		Name: g.cookie(), Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode,
	}
}

func cookieOf(r *http.Request, name string) string {
	if c, err := r.Cookie(name); err == nil {
		return c.Value
	}
	return ""
}

// sessions are the sessions of browsers, by a digest of what their cookies say, with their ends.
type sessions struct {
	mu   sync.Mutex
	ends map[[sha256.Size]byte]time.Time
}

// begin makes a session and returns its secret. Without room, the one that would end first ends.
func (s *sessions) begin(now time.Time) string {
	secret := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ends == nil {
		s.ends = map[[sha256.Size]byte]time.Time{}
	}
	makeRoom(s.ends, maxSessions, now)
	s.ends[sha256.Sum256([]byte(secret))] = now.Add(sessionLength)
	return secret
}

func (s *sessions) known(secret string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return secret != "" && now.Before(s.ends[sha256.Sum256([]byte(secret))])
}

func (s *sessions) end(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.ends, sha256.Sum256([]byte(secret)))
}

// makeRoom removes what has ended, and, if that is not enough, what ends first, until there is room for one more.
func makeRoom(ends map[[sha256.Size]byte]time.Time, most int, now time.Time) {
	if len(ends) < most {
		return
	}
	var first [sha256.Size]byte
	var soonest time.Time
	for key, end := range ends {
		if !now.Before(end) {
			delete(ends, key)
		} else if soonest.IsZero() || end.Before(soonest) {
			first, soonest = key, end
		}
	}
	if len(ends) >= most {
		delete(ends, first)
	}
}

// verified remembers for a while which passwords were right, so that a program that sends one with each request does not cost a
// comparison each time. It keeps digests under a key that no one knows.
type verified struct {
	key  [sha256.Size]byte
	mu   sync.Mutex
	ends map[[sha256.Size]byte]time.Time
}

func (v *verified) digest(name, password string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, v.key[:])
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(name)))
	_, _ = h.Write(length[:]) // a hash accepts everything
	_, _ = h.Write([]byte(name + password))
	copy(sum[:], h.Sum(nil))
	return sum
}

func (v *verified) known(name, password string, now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return now.Before(v.ends[v.digest(name, password)])
}

func (v *verified) add(name, password string, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.ends == nil {
		v.ends = map[[sha256.Size]byte]time.Time{}
	}
	makeRoom(v.ends, maxVerified, now)
	v.ends[v.digest(name, password)] = now.Add(verifiedFor)
}
