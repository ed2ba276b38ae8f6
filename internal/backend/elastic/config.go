package elastic

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Config holds the addresses and credentials of a cluster, and the client's settings. Its text form has no
// secrets.
type Config struct {
	// URLs are the addresses of the cluster's nodes; requests rotate over the nodes that answer. A URL may
	// have credentials (https://user:password@host:9200) and a path.
	URLs []string
	// APIKey is an API key, either in Elasticsearch's encoded form or as "id:key".
	APIKey string
	// Username and Password are an alternative to the API key.
	Username, Password string
	// BearerToken is another alternative: a token of a token service or a realm such as JWT.
	BearerToken string
	// Renewed, if not nil, returns the credentials again, after the cluster has rejected them: files may have others now.
	Renewed func() (Config, error)
	// CAFile is a file of PEM certificates to trust instead of the system's.
	CAFile string
	// CAFingerprint is the SHA-256 fingerprint of the certificate authority, in hexadecimal digits, as an alternative
	// to CAFile. The server must send the authority's certificate.
	CAFingerprint string
	// ClientCert and ClientKey are files of the client's certificate and key (PEM).
	ClientCert, ClientKey string
	// Proxy is the address of the proxy; "": as the environment says; [NoProxy]: none.
	Proxy string
	// RequestTimeout bounds each attempt of a call, including reading the answer; 0 means
	// [DefaultRequestTimeout].
	RequestTimeout time.Duration
	// SearchRate is the maximum number of searches in a second; 0: only the adaptive limit applies.
	SearchRate int
	// MaxRetries is the number of retries after a transient failure; 0 means [DefaultMaxRetries], less than 0
	// none.
	MaxRetries int
	// Closed says whether closed indices make windows incomplete.
	Closed ClosedPolicy
	// WholePatterns: a pattern of which the user may read only a part is not read. Otherwise the readable
	// part is read, and this is logged once.
	WholePatterns bool
	// UserAgent is the User-Agent header of requests.
	UserAgent string
	// Logger receives retries and missing privileges; nil discards them.
	Logger *slog.Logger
}

// The defaults of Config fields that are zero.
const (
	DefaultRequestTimeout = time.Minute
	DefaultMaxRetries     = 4
	defaultUserAgent      = "tocsin"
)

// String returns the addresses without credentials.
func (c Config) String() string {
	shown := make([]string, len(c.URLs))
	for i, text := range c.URLs {
		shown[i] = "(unreadable URL)"
		if u, err := url.Parse(text); err == nil {
			u.User = nil
			shown[i] = u.String()
		}
	}
	return strings.Join(shown, ", ")
}

// GoString keeps the secrets out of %#v.
func (c Config) GoString() string { return "elastic.Config{" + c.String() + "}" }

// LogValue keeps the secrets out of logs.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

func (c Config) withDefaults() Config {
	if c.RequestTimeout <= 0 {
		c.RequestTimeout = DefaultRequestTimeout
	}
	if c.MaxRetries == 0 {
		c.MaxRetries = DefaultMaxRetries
	}
	c.MaxRetries = max(c.MaxRetries, 0)
	if c.UserAgent == "" {
		c.UserAgent = defaultUserAgent
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// addresses parses the URLs and separates the credentials from them. Errors do not show a URL that cannot be
// parsed, as any part of it may be a password.
func (c Config) addresses() (urls []*url.URL, user *url.Userinfo, err error) {
	if len(c.URLs) == 0 {
		return nil, nil, errors.New("elasticsearch: no URL is configured")
	}
	for i, text := range c.URLs {
		u, err := url.Parse(strings.TrimSpace(text))
		if err != nil {
			return nil, nil, c.badURL(i, "cannot be parsed")
		}
		if u.User != nil {
			if user != nil && user.String() != u.User.String() {
				return nil, nil, errors.New("elasticsearch: the URLs have different credentials")
			}
			user, u.User = u.User, nil
		}
		if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return nil, nil, c.badURL(i, "is not of the form http(s)://host:port")
		}
		u.Path = strings.TrimRight(u.Path, "/")
		u.RawPath, u.RawQuery, u.Fragment = "", "", ""
		urls = append(urls, u)
	}
	return urls, user, nil
}

// address is a host, with or without a port, without a scheme.
var address = regexp.MustCompile(`^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?$`)

// badURL returns the error of a URL, without its text unless that is a mere address.
func (c Config) badURL(i int, problem string) error {
	text := strings.TrimSpace(c.URLs[i])
	if text != "" && !strings.Contains(text, "//") {
		problem += ": https:// is missing"
		if address.MatchString(text) {
			problem += " before " + text
		}
	}
	return fmt.Errorf("elasticsearch: URL %d of %d %s", i+1, len(c.URLs), problem)
}

// ErrCredentials is wrapped by errors about which credentials are given.
var ErrCredentials = errors.New("elasticsearch")

// credentials are the credentials to send, and the secrets to hide.
type credentials struct {
	header  string
	secrets []string
}

func (c Config) credentials(user *url.Userinfo) (*credentials, error) {
	name, password := c.Username, c.Password
	given := 0
	for _, yes := range []bool{c.APIKey != "", name != "" || password != "", c.BearerToken != "", user != nil} {
		if yes {
			given++
		}
	}
	if given > 1 {
		return nil, fmt.Errorf("%w: give one of API key, user name and password, bearer token, or credentials in the URL", ErrCredentials)
	}
	if c.APIKey != "" {
		return apiKey(c.APIKey)
	}
	if c.BearerToken != "" {
		return bearer(c.BearerToken)
	}
	if user != nil {
		name = user.Username()
		password, _ = user.Password()
	}
	if name == "" && password == "" {
		return &credentials{}, nil
	}
	if name == "" || password == "" {
		return nil, fmt.Errorf("%w: a user name needs a password, and a password a user name", ErrCredentials)
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(name + ":" + password))
	return &credentials{header: "Basic " + encoded, secrets: []string{encoded, password}}, nil
}

// Authorization returns the value of the Authorization header; "" without credentials. Credentials in the URLs do not count.
func (c Config) Authorization() (string, error) {
	creds, err := c.credentials(nil)
	if err != nil {
		return "", err
	}
	return creds.header, nil
}

func bearer(token string) (*credentials, error) {
	token = strings.TrimSpace(token)
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) || token == "" {
		return nil, errors.New("elasticsearch: the bearer token has characters that are not allowed in a token")
	}
	return &credentials{header: "Bearer " + token, secrets: []string{token}}, nil
}

func apiKey(key string) (*credentials, error) {
	key = strings.TrimSpace(key)
	secrets := []string{key}
	if _, secret, ok := strings.Cut(key, ":"); ok {
		encoded := base64.StdEncoding.EncodeToString([]byte(key))
		secrets = append(secrets, encoded, secret)
		key = encoded
	} else if plain, err := base64.StdEncoding.DecodeString(key); err == nil { // what reads the header sees this
		if _, secret, ok := strings.Cut(string(plain), ":"); ok {
			secrets = append(secrets, string(plain), secret)
		}
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) || key == "" {
		return nil, errors.New("elasticsearch: the API key has characters that are not allowed in an API key")
	}
	return &credentials{header: "ApiKey " + key, secrets: secrets}, nil
}
