package channel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"tocsin/internal/diag/redact"
	"tocsin/internal/notify"
)

// Command runs a program with the message as JSON on its standard input. TOCSIN_KEY and TOCSIN_ROUTE are in its environment, which has
// nothing else of the service but PATH, HOME, LANG, TZ and the variables that are named. A message is delivered if the program ends with
// code 0; code 65 (EX_DATAERR) says that it never will be.
type Command struct {
	Argv []string
	// Env names variables of the service's environment.
	Env []string
}

// exitNever is the exit code of a program that will never accept the message.
const exitNever = 65

// Traits implements [notify.Channel]. The program may honour the key; nobody knows.
func (Command) Traits() notify.Traits { return notify.Traits{} }

// Send implements [notify.Channel].
func (c Command) Send(ctx context.Context, m notify.Message) error {
	body, err := m.JSON()
	if err != nil {
		return &notify.Refusal{Err: err, Final: true}
	}
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...) //nolint:gosec // the administrator names it
	cmd.WaitDelay = time.Second                               // for children that keep the output open
	cmd.Env = []string{"TOCSIN_KEY=" + m.Key, "TOCSIN_ROUTE=" + m.Route}
	var secrets []string
	for _, name := range append([]string{"PATH", "HOME", "LANG", "TZ"}, c.Env...) {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	for _, name := range c.Env {
		secrets = append(secrets, redact.Long(os.Getenv(name))...)
	}
	cmd.Stdin = bytes.NewReader(body)
	var said tail
	cmd.Stdout, cmd.Stderr = &said, &said
	err = cmd.Run()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("it did not end in time: %w", ctx.Err())
	}
	err = redacted(fmt.Errorf("%s: %w: %s", c.Argv[0], err, said.text()), secrets)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == exitNever || cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == exitNever {
		return &notify.Refusal{Err: err, Final: true}
	}
	return err
}

// maxSaid is how much of the output of a program is kept.
const maxSaid = 300

// tail keeps the end of what is written.
type tail struct{ data []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.data = append(t.data, p...)
	if n := len(t.data); n > maxSaid {
		t.data = append(t.data[:0], t.data[n-maxSaid:]...)
	}
	return len(p), nil
}

func (t *tail) text() string {
	return strings.Join(strings.Fields(strings.ToValidUTF8(string(t.data), "")), " ")
}
