package channel

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"

	"tocsin/internal/diag/redact"
	"tocsin/internal/notify"
)

// Webhook posts messages as JSON. With a secret, they are signed.
type Webhook struct {
	URL     string
	Secret  string
	Headers map[string]string
	// Now is the clock of signatures; nil: time.Now.
	Now func() time.Time
}

// The headers of a webhook. The signature is "v1=" and the HMAC-SHA256 of the timestamp, a dot and the body, in hexadecimal digits.
const (
	HeaderKey       = "Idempotency-Key"
	HeaderTimestamp = "X-Tocsin-Timestamp"
	HeaderSignature = "X-Tocsin-Signature"
)

// Sign returns the signature of a body.
func Sign(secret, timestamp string, body []byte) string {
	h := hmac.New(sha256.New, []byte(secret))
	_, _ = h.Write([]byte(timestamp + ".")) // a hash takes everything
	_, _ = h.Write(body)
	return "v1=" + hex.EncodeToString(h.Sum(nil))
}

// Traits implements [notify.Channel].
func (Webhook) Traits() notify.Traits { return notify.Traits{Idempotent: true} }

// Send implements [notify.Channel].
func (w Webhook) Send(ctx context.Context, m notify.Message) error {
	body, err := m.JSON()
	if err != nil {
		return &notify.Refusal{Err: err, Final: true}
	}
	headers := map[string]string{}
	secrets := append(redact.URL(w.URL), w.Secret)
	for name, value := range w.Headers {
		headers[name] = value
		secrets = append(secrets, redact.Long(value)...)
	}
	headers[HeaderKey] = m.Key
	if w.Secret != "" {
		now := time.Now
		if w.Now != nil {
			now = w.Now
		}
		headers[HeaderTimestamp] = strconv.FormatInt(now().Unix(), 10)
		headers[HeaderSignature] = Sign(w.Secret, headers[HeaderTimestamp], body)
	}
	return post{url: w.URL, body: body, headers: headers, secrets: secrets}.send(ctx)
}
