package guard

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// Users are hashes of passwords by the names of users.
type Users map[string][]byte

// leastToken is the least length of a token: shorter ones can be guessed.
const leastToken = 16

// The reasons why a file of credentials cannot be used. None of them says what is in the file.
var (
	errShort = fmt.Errorf("a token has less than %d characters", leastToken)
	errEmpty = errors.New("the file is empty")
	errLine  = errors.New("want a name, a colon and a bcrypt hash, as `htpasswd -B` writes them")
	errTwice = errors.New("the user is named twice")
	errWords = errors.New("want a token, or a name and a token")
)

// eachLine calls a function with the lines of a file that are neither empty nor comments.
func eachLine(name string, visit func(line string) error) error {
	data, err := os.ReadFile(name) //nolint:gosec // the user names the file
	if err != nil {
		return err //nolint:wrapcheck // it names the file
	}
	n, found := 0, false
	for line := range strings.Lines(string(data)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		found = true
		if err := visit(line); err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	if !found {
		return fmt.Errorf("%s: %w", name, errEmpty)
	}
	return nil
}

// ReadTokens reads a file of tokens, one a line, each alone or after a name and a space.
func ReadTokens(name string) (tokens []Token, err error) {
	err = eachLine(name, func(line string) error {
		words := strings.Fields(line)
		one := Token{Secret: words[len(words)-1]}
		switch {
		case len(words) > 2: //nolint:mnd // a name and a token
			return errWords
		case len(one.Secret) < leastToken:
			return errShort
		case len(words) > 1:
			one.Name = words[0]
		}
		tokens = append(tokens, one)
		return nil
	})
	return tokens, err
}

// ReadUsers reads a file of users, one a line: a name, a colon and a bcrypt hash.
func ReadUsers(name string) (Users, error) {
	users := Users{}
	err := eachLine(name, func(line string) error {
		user, hash, ok := strings.Cut(line, ":")
		if _, err := bcrypt.Cost([]byte(hash)); !ok || user == "" || err != nil {
			return errLine
		}
		if users[user] != nil {
			return errTwice
		}
		users[user] = []byte(hash)
		return nil
	})
	return users, err
}

// check compares a password with the user's; with any user's if there is none of the name, and the result is false.
func (u Users) check(name, password string) bool {
	hash, known := u[name]
	if !known {
		for _, hash = range u {
			break
		}
	}
	if len(password) > maxPassword {
		password, known = password[:maxPassword], false
	}
	return bcrypt.CompareHashAndPassword(hash, []byte(password)) == nil && known
}

// maxPassword is the longest password that bcrypt can tell apart.
const maxPassword = 72

// certificateAge is how long a certificate is used before its file is looked at again.
const certificateAge = time.Minute

// certificate is a certificate that is read again when its file changes, as those that renew themselves do.
type certificate struct {
	certFile, keyFile string

	mu      sync.Mutex
	current *tls.Certificate
	changed time.Time
	looked  time.Time
}

// TLS returns the settings of a server with a certificate and its key (PEM). A renewed certificate is used within a minute.
func TLS(certFile, keyFile string) (*tls.Config, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile}
	if err := c.read(); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.get(time.Now()), nil }}, nil
}

func (c *certificate) read() error {
	info, err := os.Stat(c.certFile)
	if err != nil {
		return err //nolint:wrapcheck // it names the file
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w", c.certFile, c.keyFile, err)
	}
	c.current, c.changed = &pair, info.ModTime()
	return nil
}

// get returns the certificate. One that cannot be read is no reason to give up the one that could be.
func (c *certificate) get(now time.Time) *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.looked) >= certificateAge {
		c.looked = now
		if info, err := os.Stat(c.certFile); err == nil && !info.ModTime().Equal(c.changed) {
			_ = c.read()
		}
	}
	return c.current
}
