//go:build integration

package page_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"tocsin/cmd/runner/internal/guard"
	"tocsin/cmd/runner/internal/sample"
)

// axeVersion is the version of axe-core, which npm fetches.
const axeVersion = "4.14.1"

// axe returns the text of axe-core.
func axe(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	pack := exec.CommandContext(t.Context(), "npm", "pack", "--silent", "axe-core@"+axeVersion)
	pack.Dir = dir
	if out, err := pack.CombinedOutput(); err != nil {
		t.Fatalf("npm pack: %v: %s", err, out)
	}
	if out, err := exec.CommandContext(t.Context(), "tar", "-xzf", filepath.Join(dir, "axe-core-"+axeVersion+".tgz"), "-C", dir, "package/axe.min.js").CombinedOutput(); err != nil {
		t.Fatalf("tar: %v: %s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "package", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// look is how a page is looked at.
type look struct {
	name          string
	dark          bool
	width, height int64
	phone         bool
}

var looks = []look{{"light", false, 1280, 900, false}, {"dark", true, 1280, 900, false}, {"phone", false, 390, 844, true}}

// browser is a real browser. What it complains about is collected.
type browser struct {
	context.Context

	mu       sync.Mutex
	problems []string
}

// open starts a browser.
func open(t *testing.T) *browser {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.DisableGPU, chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true), chromedp.WSURLReadTimeout(time.Minute))
	all, cancelAll := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancelAll)
	ctx, cancel := chromedp.NewContext(all)
	t.Cleanup(cancel)
	b := &browser{Context: ctx}
	err := chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *log.EventEntryAdded: // violations of the policy, missing files
			if e.Entry.Source == log.EntrySourceRecommendation {
				return
			}
			b.add(fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		case *runtime.EventExceptionThrown:
			b.add("exception: " + e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			b.add(fmt.Sprintf("console: %v", e.Args))
		}
	})
	if err != nil {
		t.Fatalf("the browser does not start: %v", err)
	}
	return b
}

func (b *browser) add(problem string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems = append(b.problems, problem)
}

// taken returns what the browser has complained about since it was last asked.
func (b *browser) taken() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.problems
	b.problems = nil
	return out
}

// pageTimeout bounds what a browser does at once.
const pageTimeout = time.Minute

func (b *browser) do(t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b, pageTimeout)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

// told returns what an action says.
func told[T any](t *testing.T, b *browser, action chromedp.Action[T]) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(b, pageTimeout)
	defer cancel()
	out, err := chromedp.Run(ctx, action)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// submit clicks and waits for the page that follows.
func (b *browser) submit(t *testing.T, selector string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b, pageTimeout)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(selector)); err != nil {
		t.Fatal(err)
	}
}

// as makes the browser look at pages in a way.
func (l look) as() chromedp.Action[chromedp.Void] {
	scheme := "light"
	if l.dark {
		scheme = "dark"
	}
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		if _, err := cdp.Call(ctx, t, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: l.width, Height: l.height, DeviceScaleFactor: 1, Mobile: l.phone}); err != nil {
			return err //nolint:wrapcheck // for the test
		}
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return err //nolint:wrapcheck // for the test
	})
}

// serve serves the page of a service at an address of its own.
func serve(t *testing.T, s *sample.Source, o guard.Options) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handler(t, s, o))
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// finding is what axe has found.
type finding struct {
	ID, Impact, Help string
	Nodes            []struct {
		HTML   string
		Target []any
	}
}

const axeCall = `axe.run(document, {resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations))`

// TestAccessible looks at every page in light and dark, on a screen and on a phone: the browser complains about nothing, axe finds
// nothing serious, and nothing is wider than the screen.
func TestAccessible(t *testing.T) {
	library := axe(t)
	address := serve(t, sample.New(120, nil), guard.Options{})
	closed := serve(t, sample.New(5, nil), guard.Options{Tokens: []guard.Token{{Secret: token}}, Users: guard.Users{"ada": nil}})
	b := open(t)
	for _, l := range looks {
		paths := []string{"/", "/rules", "/rules/rule-0003", "/coverage", "/alerts", "/alerts/" + fmt.Sprintf("%064x", 0xabc0), "/attack", "/costs", "/backfills", "/runners", "/states", "/alerts?where=(", "/nothing"}
		var all []string
		for _, p := range paths {
			all = append(all, address+p)
		}
		for _, at := range append(all, closed+"/login") {
			b.do(t, l.as(), chromedp.Navigate(at))
			wide := told(t, b, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > document.documentElement.clientWidth`))
			problems := slices.DeleteFunc(b.taken(), func(p string) bool { return strings.HasSuffix(at, "/nothing") && strings.Contains(p, "404") })
			if len(problems) > 0 {
				t.Errorf("%s %s: %s", l.name, at, problems)
			}
			if wide {
				t.Errorf("%s %s is wider than the screen", l.name, at)
			}
			b.do(t, chromedp.Evaluate[chromedp.Void](library))
			found := told(t, b, chromedp.Evaluate[string](axeCall, chromedp.EvalAwaitPromise))
			var findings []finding
			if err := json.Unmarshal([]byte(found), &findings); err != nil {
				t.Fatalf("axe says %s: %v", found, err)
			}
			for _, f := range findings {
				if f.Impact == "serious" || f.Impact == "critical" {
					t.Errorf("%s %s: %s: %s (%d times): %s", l.name, at, f.ID, f.Help, len(f.Nodes), f.Nodes[0].HTML)
				} else {
					t.Logf("%s %s: %s, %s: %s: %s", l.name, at, f.Impact, f.ID, f.Help, f.Nodes[0].HTML)
				}
			}
			b.taken() // axe's own
		}
	}
}

// TestPolicyHolds: the browser refuses code that got into a page, and says so; otherwise silence would mean nothing.
func TestPolicyHolds(t *testing.T) {
	address := serve(t, sample.New(5, nil), guard.Options{})
	b := open(t)
	b.do(t, chromedp.Navigate(address+"/rules"))
	ran := told(t, b, chromedp.Evaluate[bool](`(() => { const s = document.createElement("script"); s.textContent = "window.ran = true"; document.body.append(s); document.body.insertAdjacentHTML("beforeend", "<p style='color: red'>x</p>"); return window.ran === true })()`))
	time.Sleep(100 * time.Millisecond) // the complaint comes by itself
	if ran || len(b.taken()) == 0 {
		t.Errorf("the policy lets code run: %v", ran)
	}
}

// focused says what has the focus: an address or a text of an element that can have it.
const focused = `(() => { const e = document.activeElement; return e === document.body ? "" : e.tagName + " " + (e.getAttribute("href") || e.name || e.getAttribute("aria-label") || e.textContent.trim().slice(0, 40)) })()`

// TestKeyboard: the key for the next element reaches everything that can be used, in the order of the page, the link to the content first.
func TestKeyboard(t *testing.T) {
	address := serve(t, sample.New(8, nil), guard.Options{})
	b := open(t)
	for _, path := range []string{"/", "/rules", "/alerts", "/alerts/" + fmt.Sprintf("%064x", 0xabc0), "/attack", "/backfills", "/states"} {
		b.do(t, looks[0].as(), chromedp.Navigate(address+path))
		wanted := told(t, b, chromedp.Evaluate[[]string](`Array.from(document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")).filter(e => e.checkVisibility()).map(e => e.tagName + " " + (e.getAttribute("href") || e.name || e.getAttribute("aria-label") || e.textContent.trim().slice(0, 40)))`))
		reached := map[string]bool{}
		first, same := "", 0
		before := ""
		for i := 0; i < 3*len(wanted)+40 && same < 30; i++ {
			b.do(t, chromedp.KeyEvent(kb.Tab))
			at := told(t, b, chromedp.Evaluate[string](focused))
			if i == 0 {
				first = at
			}
			same++
			if !reached[at] {
				same = 0
			}
			if at == "" && before == "" && i > 0 {
				break
			}
			before = at
			reached[at] = true
		}
		if first != "A #main" {
			t.Errorf("%s: the first is %q, not the link to the content", path, first)
		}
		for _, w := range wanted {
			if !reached[w] {
				t.Errorf("%s: %q is not reached by the keyboard", path, w)
			}
		}
		if len(wanted) < 8 {
			t.Errorf("%s has %d elements to use", path, len(wanted))
		}
	}
}

// TestBrowserForms: in a real browser, with its origins and cookies, forms work and log in.
func TestBrowserForms(t *testing.T) {
	s := sample.New(20, nil)
	address := serve(t, s, guard.Options{Tokens: []guard.Token{{Secret: token}}})
	b := open(t)
	b.do(t, looks[0].as(), chromedp.Navigate(address+"/rules?state=failing"), chromedp.SendKeys(`input[name=secret]`, token))
	b.submit(t, `.login button`)
	if u, err := url.Parse(told(t, b, chromedp.Location())); err != nil || u.RequestURI() != "/rules?state=failing" {
		t.Fatalf("after the login at %s", u)
	}
	b.submit(t, `form[action="/rules/reload"] button`)
	if text := told(t, b, chromedp.Text(`.notice`)); !strings.Contains(text, "read again") {
		t.Errorf("notice %q", text)
	}
	b.do(t, chromedp.Navigate(address+"/rules/rule-0001"), chromedp.SendKeys(`#event`, `{"process": {"name": "<b>sh</b>"}}`))
	b.submit(t, `form[action$="/explain"] button`)
	if text, event := told(t, b, chromedp.Text(`.verdict .summary`)), told(t, b, chromedp.Value(`#event`)); text == "" || !strings.Contains(event, "<b>sh</b>") {
		t.Errorf("verdict %q on %q", text, event)
	}
	b.submit(t, `form[action="/logout"] button`)
	if at := told(t, b, chromedp.Location()); !strings.HasSuffix(at, "/login") {
		t.Errorf("after the logout at %s", at)
	}
	b.do(t, chromedp.Navigate(address+"/"))
	if at := told(t, b, chromedp.Location()); !strings.Contains(at, "/login") {
		t.Errorf("without a session at %s", at)
	}
	if problems := b.taken(); len(problems) > 0 {
		t.Errorf("the browser complains: %s", problems)
	}
}

// TestRefresh: the script puts new content in the place of the old, but not while somebody uses the page.
func TestRefresh(t *testing.T) {
	h := handler(t, sample.New(20, nil), guard.Options{})
	var mu sync.Mutex
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/rules" {
			h.ServeHTTP(w, r)
			return
		}
		mu.Lock()
		asked++
		n := asked
		mu.Unlock()
		answer := get(h, r.URL.RequestURI()) //nolint:contextcheck // the test's own request
		maps.Copy(w.Header(), answer.Header())
		_, _ = fmt.Fprint(w, strings.NewReplacer(`data-refresh="30"`, `data-refresh="0.2"`, "<h1>Rules</h1>", fmt.Sprintf("<h1>Rules %d</h1>", n)).Replace(answer.Body.String()))
	}))
	t.Cleanup(server.Close)
	b := open(t)
	b.do(t, looks[0].as(), chromedp.Navigate(server.URL+"/rules"), chromedp.WaitReady("#tools button"))
	if !told(t, b, chromedp.Poll[bool](`document.querySelector("h1").textContent !== "Rules 1"`)) {
		t.Error("the page stays as it was")
	}
	b.do(t, chromedp.Focus(`input[name=q]`), chromedp.Sleep(300*time.Millisecond))
	before := told(t, b, chromedp.Text("h1"))
	b.do(t, chromedp.Sleep(time.Second))
	if after := told(t, b, chromedp.Text("h1")); before != after {
		t.Errorf("the page changes from %q to %q while its form is used", before, after)
	}
	if problems := b.taken(); len(problems) > 0 {
		t.Errorf("the browser complains: %s", problems)
	}
}

// screenshots are those of the documentation.
var screenshots = []struct {
	name, path string
	look       look
}{
	{"overview", "/", look{"", false, 1280, 1000, false}},
	{"overview-dark", "/", look{"", true, 1280, 1000, false}},
	{"alert", "/alerts/" + fmt.Sprintf("%064x", 0xabc0), look{"", false, 1280, 1000, false}},
	{"coverage", "/coverage", look{"", true, 1280, 800, false}},
	{"attack", "/attack", look{"", false, 1280, 700, false}},
	{"states", "/states", look{"", false, 1280, 900, false}},
	{"rules-phone", "/rules", look{"", true, 390, 844, true}},
}

// TestScreenshots writes the pictures of the documentation with TOCSIN_SCREENSHOTS=write. They are not compared: fonts differ.
func TestScreenshots(t *testing.T) {
	if os.Getenv("TOCSIN_SCREENSHOTS") != "write" {
		t.Skip("TOCSIN_SCREENSHOTS=write writes them")
	}
	address := serve(t, sample.New(480, nil), guard.Options{})
	b := open(t)
	for _, one := range screenshots {
		b.do(t, one.look.as(), chromedp.Navigate(address+one.path), chromedp.WaitReady("main"))
		data := told(t, b, chromedp.CaptureScreenshot())
		name := filepath.Join("..", "..", "..", "..", "docs", "images", one.name+".png")
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil { //nolint:gosec // a folder of the repository
			t.Fatal(err)
		}
		if err := os.WriteFile(name, data, 0o644); err != nil { //nolint:gosec // a file of the repository
			t.Fatal(err)
		}
	}
}
