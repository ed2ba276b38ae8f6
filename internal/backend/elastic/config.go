package elastic

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"
)

// Config says which cluster to talk to, and as whom. Its text form holds no secret.
type Config struct {
	// URLs are addresses of the cluster's nodes; requests take turns among those that answer. One
	// may carry credentials (https://user:password@host:9200) and a path.
	URLs []string
	// APIKey is an API key, either as Elasticsearch encodes it or as "id:key".
	APIKey string
	// Username and Password are used in place of an API key.
	Username, Password string
	// CAFile is a file of PEM certificates to trust in place of the system's.
	CAFile string
	// RequestTimeout bounds each try of a call, its answer read; 0 means [DefaultRequestTimeout].
	RequestTimeout time.Duration
	// SearchRate is how many searches there may be in a second; 0: as many as the cluster bears.
	SearchRate int
	// MaxRetries is how often a call is repeated that failed in passing; 0 means
	// [DefaultMaxRetries], less than 0 never.
	MaxRetries int
	// Closed says whether windows miss closed indices.
	Closed ClosedPolicy
	// WholePatterns: a pattern that the user may read a part of is not read. Otherwise it is read as far as
	// the rights go, which is remarked on once.
	WholePatterns bool
	// UserAgent names the program to the cluster.
	UserAgent string
	// Logger hears of retries and of what is missing to answer in full; nil discards it.
	Logger *slog.Logger
}

// What a zero Config member stands for.
const (
	DefaultRequestTimeout = time.Minute
	DefaultMaxRetries     = 4
	defaultUserAgent      = "tocsin"
)

// String returns the addresses without their credentials.
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

// addresses parses the URLs and takes the credentials out of them. Its errors do not show a URL
// that cannot be parsed: nobody knows what in it is a password.
func (c Config) addresses() (urls []*url.URL, user *url.Userinfo, err error) {
	if len(c.URLs) == 0 {
		return nil, nil, errors.New("elasticsearch: no URL is configured")
	}
	for i, text := range c.URLs {
		u, err := url.Parse(strings.TrimSpace(text))
		if err != nil {
			return nil, nil, fmt.Errorf("elasticsearch: URL %d of %d cannot be parsed", i+1, len(c.URLs))
		}
		if u.User != nil {
			if user != nil && user.String() != u.User.String() {
				return nil, nil, errors.New("elasticsearch: the URLs carry different credentials")
			}
			user, u.User = u.User, nil
		}
		if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return nil, nil, fmt.Errorf("elasticsearch: URL %d of %d is not of the form http(s)://host:port",
				i+1, len(c.URLs))
		}
		u.Path = strings.TrimRight(u.Path, "/")
		u.RawPath, u.RawQuery, u.Fragment = "", "", ""
		urls = append(urls, u)
	}
	return urls, user, nil
}

// credentials is what is sent, and what must not be shown.
type credentials struct {
	header  string
	secrets []string
}

func (c Config) credentials(user *url.Userinfo) (*credentials, error) {
	name, password := c.Username, c.Password
	given := 0
	for _, yes := range []bool{c.APIKey != "", name != "" || password != "", user != nil} {
		if yes {
			given++
		}
	}
	if given > 1 {
		return nil, errors.New("elasticsearch: give one of API key, user name and password, or credentials in the URL")
	}
	if c.APIKey != "" {
		return apiKey(c.APIKey)
	}
	if user != nil {
		name = user.Username()
		password, _ = user.Password()
	}
	if name == "" && password == "" {
		return &credentials{}, nil
	}
	if name == "" || password == "" {
		return nil, errors.New("elasticsearch: a user name needs a password, and a password a user name")
	}
	encoded := base64.StdEncoding.EncodeToString([]byte(name + ":" + password))
	return &credentials{header: "Basic " + encoded, secrets: []string{encoded, password}}, nil
}

func apiKey(key string) (*credentials, error) {
	key = strings.TrimSpace(key)
	secrets := []string{key}
	if _, secret, ok := strings.Cut(key, ":"); ok {
		encoded := base64.StdEncoding.EncodeToString([]byte(key))
		secrets = append(secrets, encoded, secret)
		key = encoded
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) || key == "" {
		return nil, errors.New("elasticsearch: the API key holds characters that no API key has")
	}
	return &credentials{header: "ApiKey " + key, secrets: secrets}, nil
}

// scrub blanks the secrets, should anybody have echoed them.
func (c *credentials) scrub(text string) string {
	for _, secret := range c.secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "[redacted]")
		}
	}
	return text
}
