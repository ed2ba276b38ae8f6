package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
)

// notifySocket is the variable in which systemd names the socket of a unit with Type=notify.
const notifySocket = "NOTIFY_SOCKET"

// tellSupervisor tells systemd a state such as READY=1, as sd_notify does. Without systemd it does nothing.
// A service that cannot tell its state works all the same, so that an error is only logged.
func tellSupervisor(ctx context.Context, log *slog.Logger, state string) {
	socket := os.Getenv(notifySocket)
	if socket == "" {
		return
	}
	if err := sendState(ctx, socket, state); err != nil {
		log.Warn("systemd was not told the state of the service", "state", state, "error", err)
	}
}

func sendState(ctx context.Context, socket, state string) error {
	if strings.HasPrefix(socket, "@") {
		socket = "\x00" + socket[1:] // the abstract namespace
	}
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "unixgram", socket)
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Write([]byte(state)); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
