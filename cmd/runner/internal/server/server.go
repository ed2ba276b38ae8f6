// Package server answers a supervisor's requests: /metrics, /healthz (the process is alive) and
// /readyz (it can reach what it needs).
//
// It has no user interface and changes nothing. The flow: [Listen] binds the address, so that a
// port in use is an error at the start; [Server.Serve] answers until its context ends.
package server

import (
	"context"
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
	http     *http.Server
}

// readyTimeout bounds one readiness check.
const readyTimeout = 5 * time.Second

// Listen binds an address such as 127.0.0.1:9464. ready checks whether the runner can do its work.
func Listen(ctx context.Context, address string, metrics http.Handler, ready func(context.Context) error) (*Server, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, cause(err))
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		if err := ready(ctx); err != nil {
			answer(w, http.StatusServiceUnavailable, "not ready: "+strings.Join(strings.Fields(err.Error()), " "))
			return
		}
		answer(w, http.StatusOK, "ready")
	})
	return &Server{listener, &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}}, nil
}

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
