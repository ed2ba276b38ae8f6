package channel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/diag/redact"
	"tocsin/internal/notify"
)

// client is the client of all channels. It follows no redirects: a request may contain a secret.
var client = &http.Client{
	Transport:     transport(),
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func transport() *http.Transport {
	base, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return &http.Transport{Proxy: http.ProxyFromEnvironment}
	}
	t := base.Clone()
	t.MaxIdleConnsPerHost = 16
	return t
}

// maxAnswer is how much of an answer is read.
const maxAnswer = 4 << 10

// post is a request that delivers something.
type post struct {
	method, url string
	body        []byte
	headers     map[string]string
	// secrets are texts that must not be in an error.
	secrets []string
	// taken are further statuses, beside 2xx, at which the receiver has what was sent.
	taken []int
}

// send sends the request. The error is a [notify.Refusal] if the receiver answered.
func (p post) send(ctx context.Context) error {
	method := p.method
	if method == "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, p.url, bytes.NewReader(p.body))
	if err != nil {
		return errors.New("the URL cannot be used") //nolint:err113 // the cause contains the URL, which may be a secret
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "tocsin")
	for name, value := range p.headers {
		req.Header.Set(name, value)
	}
	answer, err := client.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok { // without the URL
			err = e.Err
		}
		return fmt.Errorf("%s: %w", req.URL.Host, redacted(err, p.secrets))
	}
	defer func() { _ = answer.Body.Close() }()
	body, _ := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if answer.StatusCode/100 == 2 || slices.Contains(p.taken, answer.StatusCode) {
		return nil
	}
	// Secrets are taken out before the text is cut: a part of one is not recognized.
	said := redacted(errors.New(strings.Join(strings.Fields(strings.ToValidUTF8(string(body), "")), " ")), p.secrets) //nolint:err113 // it is told to people
	text := said.Error()
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "…"
	}
	cause := fmt.Errorf("%s answered %s: %s", req.URL.Host, answer.Status, text) //nolint:err113 // it is told to people
	return &notify.Refusal{Err: redacted(cause, p.secrets), After: retryAfter(answer), Final: final(answer.StatusCode)}
}

// final reports whether a status says that the same request will never be accepted, whatever people mend.
func final(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge || status == http.StatusUnprocessableEntity
}

// retryAfter returns how long the receiver asks to wait; 0 if it does not.
func retryAfter(answer *http.Response) time.Duration {
	text := answer.Header.Get("Retry-After")
	if text == "" {
		return 0
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds > 0 && seconds < 1e6 {
		return time.Duration(seconds * float64(time.Second))
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	now := time.Now()
	if date, err := http.ParseTime(answer.Header.Get("Date")); err == nil { // by the receiver's clock
		now = date
	}
	return max(0, at.Sub(now))
}

// redactedError is an error without secrets.
type redactedError struct{ text string }

func (e redactedError) Error() string { return e.text }

// redacted returns an error whose text contains none of the secrets.
func redacted(err error, secrets []string) error {
	text := redact.Text(err.Error(), secrets...)
	if text == err.Error() {
		return err
	}
	return redactedError{text}
}

// under joins a base URL and a path; otherwise is the base if there is none.
func under(base, otherwise, path string) string {
	if base == "" {
		base = otherwise
	}
	return strings.TrimSuffix(base, "/") + path
}

// cut returns at most n characters of a text.
func cut(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return string(runes[:n-1]) + "…"
}
