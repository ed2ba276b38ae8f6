package logs_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/cmd/runner/internal/logs"
)

func logger(w *bytes.Buffer, names *logs.Names) *slog.Logger {
	return slog.New(logs.Handler(slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}), names))
}

// TestNames: every line about a rule has its name, however the id came into it.
func TestNames(t *testing.T) {
	var names logs.Names
	var out bytes.Buffer
	log := logger(&out, &names)
	log.Info("early", "rule_id", "a")
	names.Set(map[string]string{"a": "Rule A", "b": "Rule, B", "gone": "Gone"})
	log.Info("one", "rule_id", "a", "n", 1)
	log.With("rule_id", "b").Info("with", "n", 1)
	log.WithGroup("g").Info("group", "rule_id", "b")
	log.Info("two", "rule_ids", "a"+logs.Separator+"x"+logs.Separator+"b")
	log.Info("state", "kind", "rule-failing", "subject", "a")
	log.Info("state", "kind", "cluster-unreachable", "subject", "cluster")
	log.Info("other", "rule_id", "x", "id", "a", "runner", "a")
	names.Set(map[string]string{"a": "Rule A2"})
	log.Info("after a reload", "rule_id", "gone")
	log.Info("after a reload", "rule_id", "a")
	names.Set(map[string]string{"a": "Rule A2"})
	log.Info("after two", "rule_id", "gone")
	want := `level=INFO msg=early rule_id=a
level=INFO msg=one rule_id=a rule_name="Rule A" n=1
level=INFO msg=with rule_id=b rule_name="Rule, B" n=1
level=INFO msg=group g.rule_id=b g.rule_name="Rule, B"
level=INFO msg=two rule_ids="a, x, b" rule_names="Rule A, x, Rule, B"
level=INFO msg=state kind=rule-failing subject=a rule_name="Rule A"
level=INFO msg=state kind=cluster-unreachable subject=cluster
level=INFO msg=other rule_id=x id=a runner=a
level=INFO msg="after a reload" rule_id=gone rule_name=Gone
level=INFO msg="after a reload" rule_id=a rule_name="Rule A2"
level=INFO msg="after two" rule_id=gone
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

type text struct{ s string }

func (t text) String() string { return t.s }

type lazy struct{ s string }

func (l lazy) LogValue() slog.Value { return slog.StringValue(l.s) }

// TestBlank: the credentials of a URL are in no line, however it came into the log, and the rest of it is.
func TestBlank(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		secret := "s3cr3t" + rapid.StringMatching(`[A-Za-z0-9]{6}`).Draw(rt, "secret") + rapid.SampledFrom([]string{"", "@x", ":y", "/z", "%", " ", `"`, "'", "?", "#"}).Draw(rt, "odd")
		at := url.URL{Scheme: "https", Host: "es.example:9200", Path: "/a", User: url.UserPassword(rapid.SampledFrom([]string{"", "elastic", "a b"}).Draw(rt, "user"), secret)}
		value := "reach " + at.String() + rapid.SampledFrom([]string{"", ": refused", "?x=1"}).Draw(rt, "rest")
		var out bytes.Buffer
		log := logger(&out, &logs.Names{})
		switch rapid.IntRange(0, 7).Draw(rt, "way") {
		case 0:
			log.Info(value) //nolint:sloglint // that is the test
		case 1:
			log.Info("x", "a", value)
		case 2:
			log.Info("x", "error", errors.New(value)) //nolint:err113 // any
		case 3:
			log.With("a", value).Info("x")
		case 4:
			log.Info("x", "a", text{value})
		case 5:
			log.Info("x", slog.Group("g", "a", fmt.Errorf("wrapped: %w", errors.New(value)))) //nolint:err113 // any
		case 6:
			log.Info("x", "a", []string{value})
		case 7:
			log.Info("x", "a", lazy{value})
		}
		if got := out.String(); strings.Contains(got, "s3cr3t") || !strings.Contains(got, "es.example:9200") {
			rt.Errorf("%s", got)
		}
	})
}

func TestBlankURLs(t *testing.T) {
	for in, want := range map[string]string{
		"":                               "",
		"no URL: a@b":                    "no URL: a@b",
		"http://a:9200/x":                "http://a:9200/x",
		"http://u:p@a:9200/x y@z":        "http://[redacted]@a:9200/x y@z",
		"http://u:p@ss@a":                "http://[redacted]@a",
		"http://u:p/s?s#s@a,b":           "http://[redacted]@a,b",
		`"http://u:p'"s@a"`:              `"http://[redacted]@a"`,
		"http://a:9200,http://u:p@b":     "http://a:9200,http://[redacted]@b",
		"http://u:p@a,https://v:q@b x@y": "http://[redacted]@a,https://[redacted]@b x@y",
		"http://u:p@a\nhttp://b":         "http://[redacted]@a\nhttp://b",
		"://":                            "://",
		"http://@":                       "http://[redacted]@",
	} {
		if got := logs.Blank(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}
