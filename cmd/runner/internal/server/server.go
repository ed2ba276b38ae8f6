// Package server answers a supervisor's requests: /metrics, /healthz (the process is alive) and
// /readyz (it can reach what it needs), to everybody that can reach the address.
//
// It knows nothing of what else is served at the address. The flow: [Listen] binds the address, so that a
// port in use is an error at the start; [Server.Handle] adds handlers, such as that of [Reloading]; [Server.Serve] answers until its
// context ends.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// Server is bound to an address.
type Server struct {
	listener net.Listener
	mux      *http.ServeMux
	http     *http.Server
}

// readyTimeout bounds one readiness check.
const readyTimeout = 5 * time.Second

// Answers are what the server answers with.
type Answers struct {
	Metrics http.Handler
	// Ready checks whether the runner can do its work. Note, if not nil, has lines for people beside that; "" for none.
	Ready func(context.Context) error
	Note  func() string
	// TLS, if not nil, has the certificate with which all connections are encrypted.
	TLS *tls.Config
}

// Listen binds an address such as 127.0.0.1:9464.
func Listen(ctx context.Context, address string, a Answers) (*Server, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, cause(err))
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.Metrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		text, status := "ready", http.StatusOK
		if err := a.Ready(ctx); err != nil {
			text, status = "not ready: "+strings.Join(strings.Fields(err.Error()), " "), http.StatusServiceUnavailable
		}
		if a.Note != nil {
			if note := a.Note(); note != "" {
				text += "\n" + note
			}
		}
		answer(w, status, text)
	})
	if a.TLS != nil {
		listener = tls.NewListener(listener, a.TLS)
	}
	return &Server{listener, mux, &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}}, nil
}

// Reloading answers requests to read the rules again; reload does so, and says what has changed.
func Reloading(reload func(context.Context) (string, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		made, err := reload(context.WithoutCancel(r.Context()))
		if err != nil {
			answer(w, http.StatusUnprocessableEntity, "not reloaded: "+err.Error())
			return
		}
		answer(w, http.StatusOK, "reloaded: "+made)
	})
}

// Handle adds a handler for a pattern of [http.ServeMux]. It is called before Serve.
func (s *Server) Handle(pattern string, h http.Handler) { s.mux.Handle(pattern, h) }

// cause removes the address from an error of package net, as the message names it already.
func cause(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	if call, ok := errors.AsType[*os.SyscallError](err); ok {
		err = call.Err
	}
	return err
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text)
}

// Close releases the address of a server on which Serve was not called. It does nothing on nil.
func (s *Server) Close() {
	if s != nil {
		_ = s.listener.Close()
	}
}

// Address returns the bound address, with the port that was chosen for :0.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Loopback reports whether the address can be reached from this machine only.
func (s *Server) Loopback() bool {
	at, ok := s.listener.Addr().(*net.TCPAddr)
	return ok && at.IP.IsLoopback()
}

// Serve answers until the context ends, then lets requests in flight finish.
func (s *Server) Serve(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- s.http.Serve(s.listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", s.Address(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTimeout)
	defer cancel()
	if err := s.http.Shutdown(grace); err != nil {
		return fmt.Errorf("stop serving %s: %w", s.Address(), err)
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", s.Address(), err)
	}
	return nil
}
