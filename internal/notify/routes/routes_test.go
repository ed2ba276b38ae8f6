package routes_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/diag"
	"tocsin/internal/notify"
	"tocsin/internal/notify/channel"
	"tocsin/internal/notify/routes"
)

// environment has every variable but NONE.
func environment(name string) (string, bool) {
	switch name {
	case "NONE":
		return "", false
	case "SHOUTRRR_URL":
		return "ntfy://ntfy.example.org/topic", true
	}
	return "https://secret.example.org/" + name, true
}

func read(text string) (*notify.Routes, diag.List) {
	return routes.Read(diag.NewText("routes.toml", text), environment)
}

// TestDocs reads the examples of the documentation.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../../docs/notifications.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```toml\n")[1:]
	names := map[string]bool{}
	for _, block := range blocks {
		text, _, _ := strings.Cut(block, "```")
		list, diags := read(text)
		if len(diags) > 0 {
			t.Fatal(diags)
		}
		for _, r := range list.All() {
			names[fmt.Sprintf("%T", r.Channel)] = true
		}
	}
	if len(names) != 8 { // e-mail and the other services are one type
		t.Error("the examples do not show every channel:", names)
	}
	soc, _ := read(strings.SplitN(blocks[0], "```", 2)[0])
	r := soc.Named("soc")
	want := &notify.Quiet{From: 22 * 60, To: 7 * 60, Days: []time.Weekday{1, 2, 3, 4, 5}, Except: []string{"critical"}}
	want.Zone, err = time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	if r.Rate != 20 || r.Per != time.Minute || r.Concurrency != 1 || r.GiveUp != 24*time.Hour ||
		!cmp.Equal(want, r.Quiet, cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })) {
		t.Errorf("%+v", r)
	}
}

// TestSignatureInDocs runs the example that verifies a signature.
func TestSignatureInDocs(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no Python")
	}
	page, err := os.ReadFile("../../../docs/notifications.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```python\n")
	program, _, _ := strings.Cut(rest, "```")
	stamp, body := strconv.FormatInt(time.Now().Unix(), 10), `{"a":"ü"}`
	for name, tt := range map[string]struct{ signature, stamp, want string }{
		"right":     {channel.Sign("s", stamp, []byte(body)), stamp, "True"},
		"other key": {channel.Sign("x", stamp, []byte(body)), stamp, "False"},
		"old":       {channel.Sign("s", "1768485900", []byte(body)), "1768485900", "False"},
	} {
		call := fmt.Sprintf("print(verify(b's', {'X-Tocsin-Timestamp': %q, 'X-Tocsin-Signature': %q}, %q.encode()))", tt.stamp, tt.signature, body)
		out, err := exec.CommandContext(t.Context(), python, "-c", program+"\n"+call).CombinedOutput() //nolint:gosec // a test
		if err != nil || strings.TrimSpace(string(out)) != tt.want {
			t.Error(name, err, string(out))
		}
	}
}

// TestMistakes: each is an error at its place, and no message contains a secret.
func TestMistakes(t *testing.T) {
	const hook = "[[route]]\nname = \"a\"\ntype = \"webhook\"\nurl = \"https://x.example\"\n"
	for _, tt := range []struct{ text, want string }{
		{"", "routes.toml:1:1: error: the file has no [[route]]"},
		{"[[route]]\ntype = \"slack\"\nurl_env = \"X\"\n", "routes.toml:1:1: error: a route needs a name"},
		{"[[route]]\nname = \"a b\"\ntype = \"slack\"\nurl_env = \"X\"\n", "routes.toml:2:8: error: a route needs a name"},
		{"[[route]]\nname = \"a\"\ntype = \"pigeon\"\n", "routes.toml:3:8: error: type must be one of alertmanager, command, email"},
		{"[[route]]\nname = \"a\"\ntype = \"slack\"\n", "routes.toml:3:8: error: a route of type slack needs url_file or url_env"},
		{"[[route]]\nname = \"a\"\ntype = \"slack\"\nurl = \"https://hooks/hush\"\nurl_env = \"X\"\n", "routes.toml:4:1: error: a route of type slack has no url: it is a secret, give url_file or url_env"},
		{"[[route]]\nname = \"a\"\ntype = \"slack\"\nurl_env = \"NONE\"\n", "routes.toml:4:11: error: url_env: the environment has no variable NONE"},
		{"[[route]]\nname = \"a\"\ntype = \"slack\"\nurl_file = \"/none\"\n", "routes.toml:4:12: error: url_file: open /none"},
		{hook + hook, "routes.toml:6:8: error: there are two routes named \"a\""},
		{hook + "severites = [\"high\"]\n", "routes.toml:5:1: error: unknown key route[0].severites: did you mean severities?"},
		{hook + "severities = [\"hihg\"]\n", "routes.toml:5:15: error: \"hihg\" is none of low, medium, high, critical"},
		{hook + "rules = []\n", "routes.toml:5:9: error: rules is empty"},
		{hook + "kinds = [\"digest\"]\n", "routes.toml:5:10: error: \"digest\" is none of alert, state, recovery"},
		{hook + "per = \"1m\"\n", "routes.toml:5:7: error: per needs rate"},
		{hook + "rate = 0\n", "routes.toml:5:8: error: rate must be at least 1"},
		{hook + "timeout = \"soon\"\n", "routes.toml:5:11: error: \"soon\" is no length of time"},
		{hook + "title = \"{{.Nothing}}\"\n", "routes.toml:5:10: error: executing \"title\""},
		{hook + "text = '''\nfine\n{{if}}\n'''\n", "routes.toml:7:1: error: missing value for if"},
		{hook + "command = [\"x\"]\n", "routes.toml:5:1: error: a route of type webhook has no command"},
		{hook + "headers = {\"a b\" = \"x\"}\n", "error: headers.a b must be a text on one line"},
		{hook + "headers = {a = \"env:NONE\"}\n", "error: the environment has no variable NONE"},
		{hook + "[route.quiet]\nfrom = \"25:00\"\nto = \"07:00\"\n", "routes.toml:6:8: error: quiet.from must be a time of day"},
		{hook + "[route.quiet]\nfrom = \"22:00\"\nto = \"07:00\"\nzone = \"Mars\"\n", "routes.toml:8:8: error: \"Mars\" is no time zone"},
		{"[[route]]\nname = \"a\"\ntype = \"webhook\"\nurl = \"https://u:hush@x.example\"\n", "routes.toml:4:7: error: url contains a user or password"},
		{"[[route]]\nname = \"a\"\ntype = \"webhook\"\nurl = \"x.example/hush\"\n", "routes.toml:4:7: error: url is not a URL"},
		{"[[route]]\nname = \"a\"\ntype = \"shoutrrr\"\nurl_env = \"X\"\n", "routes.toml:4:11: error: it is not the URL of a service"},
		{"[[route]]\nname = 3\n", "routes.toml:2:8: error: route[0].name must be a string, not an integer"},
		{"[[route]\n", "routes.toml:1:"},
	} {
		list, diags := read(tt.text)
		if list != nil || !diags.HasErrors() {
			t.Errorf("%s: can be used: %v", tt.text, diags)
			continue
		}
		var all []string
		for _, d := range diags {
			all = append(all, d.Place()+": "+d.Severity.String()+": "+d.Message)
		}
		text := strings.Join(all, "\n")
		if !strings.Contains(text, tt.want) || strings.Contains(text, "hush") || strings.Contains(text, "secret.example") {
			t.Errorf("%s:\n got %s\nwant %s", tt.text, text, tt.want)
		}
	}
}

// TestSecretFile: a secret is read without the line end.
func TestSecretFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("abc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	list, diags := read(fmt.Sprintf("[[route]]\nname = \"a\"\ntype = \"pagerduty\"\ntoken_file = %q\n", file))
	if diags.HasErrors() || list.All()[0].Channel != (channel.PagerDuty{RoutingKey: "abc"}) {
		t.Error(diags)
	}
}

// TestAnyText: no text is more than an error.
func TestAnyText(t *testing.T) {
	words := []string{
		"[[route]]\n", "[route.quiet]\n", "name = \"a\"\n", "type = \"webhook\"\n", "type = \"email\"\n", "url = \"https://x\"\n", "url_env = \"X\"\n", "to = [\"a@b\"]\n", "host = \"h\"\n",
		"from = \"22:00\"\n", "rate = 3\n", "rate = \"3\"\n", "title = \"{{\"\n", "headers = 3\n", "headers = {a = 1}\n", "urls = [1]\n", "quiet = 1\n", "x", "=", "\n", "route = 3\n", "days = [\"mon\", 3]\n",
	}
	rapid.Check(t, func(r *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 0, 12).Draw(r, "words"), "")
		if list, diags := read(text); (list == nil) != diags.HasErrors() {
			r.Fatal(text, diags)
		}
	})
}
