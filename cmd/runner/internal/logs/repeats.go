package logs

import (
	"context"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
)

const (
	// repeatAfter is how long a complaint is not made again.
	repeatAfter = 10 * time.Minute
	// mostAlike is how many complaints with the same message are made in that time, about different things or for different reasons.
	mostAlike = 20
)

// Sparing returns a handler for a service that meets the same mistake again and again: a warning or an error that has an error or a
// warning as an attribute, or a number of slots, is passed on once in ten minutes, the repetitions at debug level; their number is in
// the next line that is passed on. Of those with the same message, about whatever, 20 are passed on in that time.
func Sparing(next slog.Handler) slog.Handler {
	return sparing{next: next, said: &said{by: map[string]*alike{}}}
}

// sparing is the handler. about is what the attributes of the logger say.
type sparing struct {
	next  slog.Handler
	about string
	// complains: the attributes of the logger have an error.
	complains bool
	said      *said
}

// said is what was passed on lately, by message.
type said struct {
	mu sync.Mutex
	by map[string]*alike
}

// alike are the complaints with one message: when they were passed on, and how many of each were held back since.
type alike struct {
	at   map[string]time.Time
	held map[string]int
}

// Enabled implements [slog.Handler].
func (s sparing) Enabled(ctx context.Context, level slog.Level) bool {
	return s.next.Enabled(ctx, level)
}

// Handle implements [slog.Handler].
func (s sparing) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn {
		return s.next.Handle(ctx, r) //nolint:wrapcheck // it is the handler's own
	}
	about, complains := s.about, s.complains
	r.Attrs(func(a slog.Attr) bool {
		text, complaint := identity(a)
		about, complains = about+text, complains || complaint
		return true
	})
	if !complains {
		return s.next.Handle(ctx, r) //nolint:wrapcheck // it is the handler's own
	}
	fresh, last, held := s.said.note(r.Message, about, r.Time)
	r = r.Clone()
	if held > 0 {
		r.AddAttrs(slog.Int("repeated", held))
	}
	if last {
		r.AddAttrs(slog.String("more", "further lines with this message are at debug level for ten minutes"))
	}
	if !fresh {
		if r.Level = slog.LevelDebug; !s.next.Enabled(ctx, r.Level) {
			return nil
		}
	}
	return s.next.Handle(ctx, r) //nolint:wrapcheck // it is the handler's own
}

// note reports whether a complaint is passed on, whether it is the last one with its message for some time, and how often it was held
// back before.
func (s *said) note(message, about string, now time.Time) (fresh, last bool, held int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.by[message]
	if a == nil {
		a = &alike{at: map[string]time.Time{}, held: map[string]int{}}
		s.by[message] = a
	}
	for key, at := range a.at {
		if now.Sub(at) >= repeatAfter || at.After(now) {
			if key == about {
				held = a.held[key]
			}
			delete(a.at, key)
			delete(a.held, key)
		}
	}
	if _, before := a.at[about]; before || len(a.at) >= mostAlike {
		if before {
			a.held[about]++
		}
		return false, false, 0
	}
	a.at[about] = now
	return true, len(a.at) == mostAlike, held
}

// passing are the texts that differ each time a complaint is made. Numbers do, too.
var passing = []string{"execution_id", "window"}

// complaints are the attributes that make a line a complaint.
var complaints = []string{"error", "warning", "slots"}

var (
	word = regexp.MustCompile(`[0-9A-Za-zµ_.:,+-]+`)
	// amount is a number, a time, a size or a duration; hexadecimal an identifier.
	amount      = regexp.MustCompile(`^(?:[0-9TZ:.,+-]+(?:ns|µs|us|ms|s|m|h|d|b|kb|mb|gb)?)+$`)
	hexadecimal = regexp.MustCompile(`^(?:[0-9a-fA-F]{8,}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$`)
)

// shortestIdentifier is the length from which on a word can be one that a program has made up.
const shortestIdentifier = 16

// random reports whether a word changes between small letters, capital letters and digits as often as only made-up ones do.
func random(word string) bool {
	changes, last := 0, 0
	for _, r := range word {
		kind := 0
		switch {
		case unicode.IsDigit(r):
			kind = 1
		case unicode.IsUpper(r):
			kind = 2
		case unicode.IsLower(r):
			kind = 3
		default:
			continue
		}
		if kind != last {
			changes, last = changes+1, kind
		}
	}
	return len(word) >= shortestIdentifier && changes >= len(word)/3
}

// lasting returns what stays the same in an error's text each time: not its numbers, times and identifiers. Names with digits, of indices
// and hosts, stay.
func lasting(text string) string {
	text = word.ReplaceAllStringFunc(text, func(w string) string {
		if strings.ContainsAny(w, "0123456789") && (random(w) || amount.MatchString(w) || hexadecimal.MatchString(w)) {
			return "#"
		}
		return w
	})
	return strings.Join(strings.Fields(text), " ")
}

// identity returns what an attribute says of what a complaint is about.
func identity(a slog.Attr) (text string, complaint bool) {
	complaint = slices.Contains(complaints, a.Key)
	switch a.Value = a.Value.Resolve(); a.Value.Kind() {
	case slog.KindString, slog.KindAny, slog.KindGroup:
	case slog.KindBool, slog.KindDuration, slog.KindFloat64, slog.KindInt64, slog.KindTime, slog.KindUint64, slog.KindLogValuer:
		return "", complaint
	}
	if slices.Contains(passing, a.Key) {
		return "", complaint
	}
	value := a.Value.String()
	if complaint {
		value = lasting(value)
	}
	return "\x00" + a.Key + "=" + value, complaint
}

// WithAttrs implements [slog.Handler].
func (s sparing) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		text, complaint := identity(a)
		s.about, s.complains = s.about+text, s.complains || complaint
	}
	s.next = s.next.WithAttrs(attrs)
	return s
}

// WithGroup implements [slog.Handler].
func (s sparing) WithGroup(name string) slog.Handler {
	s.next = s.next.WithGroup(name)
	return s
}
