package channel

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/url"
	"strconv"
	"strings"

	"github.com/nicholas-fedor/shoutrrr/pkg/router"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"

	"tocsin/internal/diag/redact"
	"tocsin/internal/notify"
)

// Shoutrrr sends messages to a service that the library knows by its URL.
type Shoutrrr struct {
	service types.Service
	secrets []string
	// busy has a place for each call of the library. It knows no contexts: a call that does not end keeps its place.
	busy chan struct{}
	// subject encodes a title; nil: as it is.
	subject func(string) string
}

// maxCalls bounds the calls of the library for one route.
const maxCalls = 4

// errService says that a URL is not of a service; the cause may contain the URL.
var errService = errors.New("it is not the URL of a service that shoutrrr knows")

// NewShoutrrr returns the service with a URL. Errors do not contain it.
func NewShoutrrr(address string) (*Shoutrrr, error) {
	service, err := (&router.ServiceRouter{}).Locate(address)
	if err != nil {
		return nil, errService
	}
	return &Shoutrrr{service: service, secrets: redact.URL(address), busy: make(chan struct{}, maxCalls)}, nil
}

// Traits implements [notify.Channel].
func (*Shoutrrr) Traits() notify.Traits { return notify.Traits{} }

// Send implements [notify.Channel].
func (s *Shoutrrr) Send(ctx context.Context, m notify.Message) error {
	select {
	case s.busy <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("earlier messages hang: %w", ctx.Err())
	}
	done := make(chan error, 1)
	go func() {
		defer func() {
			<-s.busy
			if r := recover(); r != nil {
				done <- fmt.Errorf("shoutrrr crashed: %v", r) //nolint:err113 // it is told to people
			}
		}()
		text := m.Text
		if text == "" {
			text = m.Title
		}
		params, title := types.Params{}, cut(m.Title, 250)
		if s.subject != nil {
			title = s.subject(title)
		}
		params.SetTitle(title)
		done <- s.service.Send(text, &params)
	}()
	select {
	case err := <-done:
		if err != nil {
			return redacted(err, s.secrets)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("no answer: %w", ctx.Err())
	}
}

// Email is how to send e-mail.
type Email struct {
	Host               string
	Port               int
	Username, Password string
	From               string
	To                 []string
	// Encryption is auto, none, starttls or tls.
	Encryption string
}

// Channel returns the channel.
func (e Email) Channel() (*Shoutrrr, error) {
	query := url.Values{}
	query.Set("from", e.From)
	query.Set("to", strings.Join(e.To, ","))
	query.Set("fromname", "Tocsin")
	query.Set("auth", "None")
	u := url.URL{Scheme: "smtp", Host: e.Host + ":" + strconv.Itoa(e.Port), Path: "/"}
	if e.Username != "" {
		u.User = url.UserPassword(e.Username, e.Password)
		query.Set("auth", "Plain")
	}
	switch e.Encryption {
	case "none":
		query.Set("encryption", "None")
		query.Set("starttls", "No")
	case "starttls":
		query.Set("encryption", "ExplicitTLS")
		query.Set("requirestarttls", "Yes")
	case "tls":
		query.Set("encryption", "ImplicitTLS")
	}
	u.RawQuery = query.Encode()
	s, err := NewShoutrrr(u.String())
	if err != nil {
		return nil, errors.New("it cannot be used: check host, port and addresses") //nolint:err113 // told to people
	}
	s.secrets = []string{u.String()}
	if e.Password != "" { // in the forms of SMTP's authentication
		s.secrets = append(s.secrets, e.Password, "\x00"+e.Username+"\x00"+e.Password, e.Username+":"+e.Password)
	}
	s.subject = func(title string) string { return mime.QEncoding.Encode("utf-8", title) }
	return s, nil
}
