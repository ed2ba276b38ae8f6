package elastic

import (
	"encoding/json"
	"html"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// renewEvery is the least interval between two looks for renewed credentials.
const renewEvery = 5 * time.Second

// credentialsKeeper holds the credentials that are sent. After the cluster has rejected them, it looks for renewed ones.
type credentialsKeeper struct {
	renewed func() (Config, error)
	log     *slog.Logger
	// proxy are the secrets of the proxy.
	proxy []string

	mu     sync.Mutex
	sent   *credentials
	looked time.Time
	// past are the secrets of earlier credentials.
	past []string
}

// keepCredentials returns the keeper of the credentials of a configuration.
func keepCredentials(cfg Config, sent *credentials) *credentialsKeeper {
	k := &credentialsKeeper{renewed: cfg.Renewed, log: cfg.Logger, sent: sent}
	if u, err := cfg.proxy(); err == nil && u != nil && u.User != nil {
		password, _ := u.User.Password()
		k.proxy = []string{password, u.User.String()}
	}
	return k
}

// now returns the credentials to send.
func (k *credentialsKeeper) now() *credentials {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.sent
}

// renew looks for other credentials than those that were rejected. The next request is sent with them.
func (k *credentialsKeeper) renew(rejected *credentials) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.renewed == nil || k.sent != rejected || time.Since(k.looked) < renewEvery {
		return
	}
	k.looked = time.Now()
	cfg, err := k.renewed()
	if err != nil {
		k.log.Warn("the credentials were rejected and cannot be read again", "error", err)
		return
	}
	other, err := cfg.credentials(nil)
	switch {
	case err != nil:
		k.log.Warn("the credentials were rejected and cannot be read again", "error", err)
	case other.header != rejected.header:
		k.past = append(k.past, rejected.secrets...)
		k.sent = other
		k.log.Info("the credentials were rejected, renewed ones are used")
	}
}

// scrub replaces the secrets in a text, in case a server or a library repeats them.
func (k *credentialsKeeper) scrub(text string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	secrets := slices.Concat(k.sent.secrets, k.past, k.proxy)
	for _, secret := range secrets {
		secrets = append(secrets, spellings(secret)...)
	}
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) }) // one may contain another
	for _, secret := range secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "[redacted]")
		}
	}
	return text
}

// spellings are the forms in which servers and libraries may repeat a secret: in JSON, in HTML, in a URL, and
// without repeated spaces, as messages are shown.
func spellings(secret string) []string {
	quoted := strconv.Quote(secret)
	out := []string{strings.Join(strings.Fields(secret), " "), quoted[1 : len(quoted)-1], html.EscapeString(secret), url.QueryEscape(secret), url.PathEscape(secret), url.UserPassword("", secret).String()[1:]}
	if text, err := json.Marshal(secret); err == nil {
		out = append(out, string(text[1:len(text)-1]))
	}
	var plain strings.Builder // JSON whose HTML is not escaped
	enc := json.NewEncoder(&plain)
	enc.SetEscapeHTML(false)
	if enc.Encode(secret) == nil {
		out = append(out, strings.TrimSuffix(strings.TrimPrefix(plain.String(), "\""), "\"\n"))
	}
	return out
}
