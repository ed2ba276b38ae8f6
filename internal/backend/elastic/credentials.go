package elastic

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"tocsin/internal/diag/redact"
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
	return redact.Text(text, slices.Concat(k.sent.secrets, k.past, k.proxy)...)
}
