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

// sessions are the sessions of browsers, by a digest of what their cookies say.
type sessions struct {
	mu  sync.Mutex
	all map[[sha256.Size]byte]entry
}

// entry is something that ends: a session, or a password that was right.
type entry struct {
	end time.Time
	// who began the session.
	who credential
}

// begin makes a session and returns its secret. Without room, the one that would end first ends.
func (s *sessions) begin(who credential, now time.Time) string {
	secret := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[[sha256.Size]byte]entry{}
	}
	makeRoom(s.all, maxSessions, now)
	s.all[sha256.Sum256([]byte(secret))] = entry{now.Add(sessionLength), who}
	return secret
}

// known returns who has begun a session; false if there is none.
func (s *sessions) known(secret string, now time.Time) (credential, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.all[sha256.Sum256([]byte(secret))]
	return one.who, secret != "" && now.Before(one.end)
}

func (s *sessions) end(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, sha256.Sum256([]byte(secret)))
}

// makeRoom removes what has ended, and, if that is not enough, what ends first, until there is room for one more.
func makeRoom(all map[[sha256.Size]byte]entry, most int, now time.Time) {
	if len(all) < most {
		return
	}
	var first [sha256.Size]byte
	var soonest time.Time
	for key, one := range all {
		if !now.Before(one.end) {
			delete(all, key)
		} else if soonest.IsZero() || one.end.Before(soonest) {
			first, soonest = key, one.end
		}
	}
	if len(all) >= most {
		delete(all, first)
	}
}

// verified remembers for a while which passwords were right, so that a program that sends one with each request does not cost a
// comparison each time. It keeps digests under a key that no one knows.
type verified struct {
	key [sha256.Size]byte
	mu  sync.Mutex
	all map[[sha256.Size]byte]entry
}

// digest is of a user with the hash of the password, so that what was right is not when the hash is another one.
func (v *verified) digest(who credential, password string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, v.key[:])
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(who.name)))
	_, _ = h.Write(length[:]) // a hash accepts everything
	_, _ = h.Write(who.proof[:])
	_, _ = h.Write([]byte(who.name + password))
	copy(sum[:], h.Sum(nil))
	return sum
}

func (v *verified) known(who credential, password string, now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return now.Before(v.all[v.digest(who, password)].end)
}

func (v *verified) add(who credential, password string, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.all == nil {
		v.all = map[[sha256.Size]byte]entry{}
	}
	makeRoom(v.all, maxVerified, now)
	v.all[v.digest(who, password)] = entry{end: now.Add(verifiedFor)}
}
