package routes

import (
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
	"tocsin/internal/notify"
	"tocsin/internal/notify/channel"
)

// reader makes routes of tables, and reports what cannot be.
type reader struct {
	tomltree.Decoder
	environment func(string) (string, bool)
}

// fromFile reads a secret from the file that a key names.
func (r *reader) fromFile(at func(*table) *string) tomltree.Field[table] {
	return r.secret(at, func(name string) (string, error) {
		data, err := os.ReadFile(name)
		if err != nil {
			return "", err //nolint:wrapcheck // it names the file
		}
		return strings.TrimSpace(string(data)), nil
	})
}

// fromEnvironment reads a secret from the variable that a key names.
func (r *reader) fromEnvironment(at func(*table) *string) tomltree.Field[table] {
	return r.secret(at, func(name string) (string, error) {
		text, ok := r.environment(name)
		if !ok {
			return "", fmt.Errorf("the environment has no variable %s", name) //nolint:err113 // for people
		}
		return strings.TrimSpace(text), nil
	})
}

func (r *reader) secret(at func(*table) *string, read func(string) (string, error)) tomltree.Field[table] {
	return func(d *tomltree.Decoder, v *tomltree.Value, t *table) {
		before := len(d.List)
		var name string
		tomltree.Scalar(func(*table) *string { return &name })(d, v, t)
		if len(d.List) > before {
			return
		}
		text, err := read(name)
		if err == nil && text == "" {
			err = fmt.Errorf("%s is empty", name) //nolint:err113 // for people
		}
		if err != nil {
			d.Report(diag.Error, "secret", v.Span, "%s: %v", v.Key, err)
			return
		}
		if *at(t) != "" {
			d.Report(diag.Error, "duplicate", v.KeySpan, "%s: the value is given twice", v.Key)
		}
		*at(t) = text
	}
}

// kindOf says which keys a type of channel has, beside those that every route has.
type kindOf struct {
	needs, may []string
	make       func(r *reader, t *table) notify.Channel
}

// channels are the types of channels. A name that ends with * stands for name, name_file and name_env; one that ends with ~ for name_file
// and name_env: its value is a secret.
var channels = map[string]kindOf{
	"webhook": {[]string{"url*"}, []string{"secret~", "headers"}, func(r *reader, t *table) notify.Channel {
		r.checkURL(t, "url", t.url)
		return channel.Webhook{URL: t.url, Secret: t.secret, Headers: r.texts(t, "headers", t.headers, headerName)}
	}},
	"slack": {[]string{"url~"}, nil, func(r *reader, t *table) notify.Channel {
		r.checkURL(t, "url", t.url)
		return channel.Slack{URL: t.url}
	}},
	"teams": {[]string{"url~"}, nil, func(r *reader, t *table) notify.Channel {
		r.checkURL(t, "url", t.url)
		return channel.Teams{URL: t.url}
	}},
	"pagerduty": {[]string{"token~"}, []string{"base"}, func(r *reader, t *table) notify.Channel {
		r.checkURL(t, "base", t.base)
		return channel.PagerDuty{Base: t.base, RoutingKey: t.token}
	}},
	"opsgenie": {[]string{"token~"}, []string{"base"}, func(r *reader, t *table) notify.Channel {
		r.checkURL(t, "base", t.base)
		return channel.Opsgenie{Base: t.base, APIKey: t.token}
	}},
	"alertmanager": {[]string{"urls"}, []string{"token~", "labels", "lasts"}, func(r *reader, t *table) notify.Channel {
		for _, one := range t.urls {
			r.checkURL(t, "urls", one)
		}
		return channel.Alertmanager{URLs: t.urls, Token: t.token, Labels: r.texts(t, "labels", t.labels, labelName), Lasts: t.lasts}
	}},
	"email": {[]string{"host", "from", "to"}, []string{"port", "username", "password~", "encryption"}, func(r *reader, t *table) notify.Channel {
		if t.port == 0 {
			t.port = 587
		}
		if t.username != "" && t.password == "" {
			r.fail(t.at, "username", "missing", "username needs password_file or password_env")
		}
		c, err := channel.Email{
			Host: t.host, Port: t.port, Username: t.username, Password: t.password, From: t.from, To: t.to, Encryption: t.encryption,
		}.Channel()
		if err != nil {
			r.fail(t.at, "host", "value", "the e-mail server: %v", err)
			return nil
		}
		return c
	}},
	"shoutrrr": {[]string{"url~"}, nil, func(r *reader, t *table) notify.Channel {
		c, err := channel.NewShoutrrr(t.url)
		if err != nil {
			r.fail(t.at, t.keyOf("url"), "value", "%v", err)
			return nil
		}
		return c
	}},
	"command": {[]string{"command"}, []string{"environment"}, func(_ *reader, t *table) notify.Channel {
		return channel.Command{Argv: t.command, Env: t.environment}
	}},
}

// ofAll are the keys that every route may have.
var ofAll = []string{
	"name", "type", "kinds", "rules", "tags", "severities", "namespaces", "building_blocks", "title", "text", "rate", "per", "concurrency", "timeout",
	"attempts", "give_up", "retry_min", "retry_max", "quiet",
}

// spelt returns the keys that a name of [channels] stands for.
func spelt(name string) []string {
	if base, ok := strings.CutSuffix(name, "*"); ok {
		return []string{base, base + "_file", base + "_env"}
	}
	if base, ok := strings.CutSuffix(name, "~"); ok {
		return []string{base + "_file", base + "_env"}
	}
	return []string{name}
}

// keyOf returns the key that gives a value.
func (t *table) keyOf(base string) string {
	for _, key := range []string{base, base + "_file", base + "_env"} {
		if t.at.Get(key) != nil {
			return key
		}
	}
	return base
}

// has reports whether the table has one of the keys.
func (t *table) has(keys []string) bool {
	return slices.ContainsFunc(keys, func(key string) bool { return t.at.Get(key) != nil })
}

// route makes the route of a table.
func (r *reader) route(t *table) notify.Route {
	if t.name == "" || !named.MatchString(t.name) {
		r.fail(t.at, "name", "missing", "a route needs a name of letters, digits, - and _")
	}
	route := notify.Route{
		Name: t.name, Rate: t.rate, Per: t.per, Concurrency: t.concurrency, Timeout: t.timeout, RetryMin: t.retryMin, RetryMax: t.retryMax,
		Attempts: t.attempts, GiveUp: t.giveUp, Quiet: r.quiet(t), Title: r.template(t, "title", t.title), Text: r.template(t, "text", t.text),
		Match: notify.Match{Rules: t.rules, Tags: t.tags, Severities: t.severities, Namespaces: t.namespaces, Blocks: t.blocks},
	}
	for _, kind := range t.kinds {
		route.Match.Kinds = append(route.Match.Kinds, notify.Kind(kind))
	}
	if t.per != 0 && t.rate == 0 {
		r.fail(t.at, "per", "missing", "per needs rate, the number of messages in that time")
	}
	if t.retryMax != 0 && t.retryMax < max(t.retryMin, time.Second) && t.retryMax < t.retryMin {
		r.fail(t.at, "retry_max", "value", "retry_max is shorter than retry_min")
	}
	made := r.channel(t)
	if made == nil {
		made = channel.Command{Argv: []string{"false"}} // the diagnostics say why there is none
	}
	route.Channel = made
	return route
}

// named are the names of routes.
var named = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// channel makes the channel of a table; nil after an error.
func (r *reader) channel(t *table) notify.Channel {
	kind, ok := channels[t.kind]
	if !ok {
		types := make([]string, 0, len(channels))
		for name := range channels {
			types = append(types, name)
		}
		slices.Sort(types)
		r.fail(t.at, "type", "value", "type must be one of %s", strings.Join(types, ", "))
		return nil
	}
	known := slices.Clone(ofAll)
	before := len(r.List)
	for _, name := range kind.needs {
		known = append(known, spelt(name)...)
		if !t.has(spelt(name)) {
			r.fail(t.at, "type", "missing", "a route of type %s needs %s", t.kind, strings.Join(spelt(name), " or "))
		}
	}
	for _, name := range kind.may {
		known = append(known, spelt(name)...)
	}
	for _, item := range t.at.Items {
		if _, spelt := r.fields()[item.Key]; spelt && !slices.Contains(known, item.Key) {
			hint := ""
			if slices.Contains(known, item.Key+"_file") {
				hint = ": it is a secret, give " + item.Key + "_file or " + item.Key + "_env"
			}
			r.Report(diag.Error, "value", item.KeySpan, "a route of type %s has no %s%s", t.kind, item.Key, hint)
		}
	}
	if len(r.List) > before {
		return nil
	}
	return kind.make(r, t)
}

// checkURL reports a URL that cannot be used. The message does not contain it.
func (r *reader) checkURL(t *table, key, text string) {
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		r.fail(t.at, t.keyOf(key), "value", "%s is not a URL such as https://hooks.example/tocsin", key)
	case u.User != nil && t.at.Get(key) != nil:
		r.fail(t.at, key, "value", "%s contains a user or password: give it as %s_file or %s_env", key, key, key)
	}
}

var (
	headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
	labelName  = regexp.MustCompile("^[A-Za-z_][A-Za-z0-9_]*$")
)

// texts reads a table of texts. A value that begins with "env:" or "file:" is read from there.
func (r *reader) texts(t *table, key string, values map[string]any, name *regexp.Regexp) map[string]string {
	out := map[string]string{}
	for k, value := range values {
		text, ok := value.(string)
		if !ok || !name.MatchString(k) || strings.ContainsAny(text, "\r\n") {
			r.fail(t.at.Get(key), k, "value", "%s.%s must be a text on one line, under a valid name", key, k)
			continue
		}
		if variable, ok := strings.CutPrefix(text, "env:"); ok {
			if text, ok = r.environment(variable); !ok {
				r.fail(t.at.Get(key), k, "secret", "the environment has no variable %s", variable)
			}
		}
		if file, ok := strings.CutPrefix(text, "file:"); ok {
			data, err := os.ReadFile(file)
			if err != nil {
				r.fail(t.at.Get(key), k, "secret", "%v", err)
			}
			text = strings.TrimSpace(string(data))
		}
		out[k] = text
	}
	return out
}

// template parses a template; nil if there is none or it has an error.
func (r *reader) template(t *table, key string, text diag.Text) *notify.Template {
	if t.at.Get(key) == nil || t.at.Get(key).Kind != tomltree.String {
		return nil
	}
	made, err := notify.NewTemplate(key, text.Value)
	if err != nil {
		line := 0
		if m := templateLine.FindStringSubmatch(err.Error()); m != nil {
			_, _ = fmt.Sscan(m[1], &line)
		}
		r.List = append(r.List, text.Report(diag.Error, area+"/template", spanOf(text.Value, line), "%s", templateLine.ReplaceAllString(err.Error(), "")))
		return nil
	}
	return made
}

// templateLine is the place in an error of a template.
var templateLine = regexp.MustCompile(`^template: \w+:(\d+)(?::\d+)?:\s*`)

// spanOf returns a line of a text, counted from 1; the whole text if there is no such line.
func spanOf(text string, line int) diag.Span {
	start := 0
	for i, one := range strings.SplitAfter(text, "\n") {
		if i+1 == line {
			return diag.Span{Start: start, End: start + len(strings.TrimSuffix(one, "\n"))}
		}
		start += len(one)
	}
	return diag.Span{End: len(text)}
}

// quiet makes quiet hours; nil if there are none or they have an error.
func (r *reader) quiet(t *table) *notify.Quiet {
	if t.quiet == nil {
		return nil
	}
	q := &notify.Quiet{Zone: time.UTC, Except: t.quiet.except}
	for _, of := range []struct {
		key, text string
		to        *int
	}{{"from", t.quiet.from, &q.From}, {"to", t.quiet.to, &q.To}} {
		at, err := time.Parse("15:04", of.text)
		if err != nil {
			r.fail(t.quiet.at, of.key, "value", "quiet.%s must be a time of day such as 22:00", of.key)
		}
		*of.to = at.Hour()*60 + at.Minute()
	}
	if t.quiet.zone != "" {
		zone, err := time.LoadLocation(t.quiet.zone)
		if err != nil || t.quiet.zone == "Local" {
			r.fail(t.quiet.at, "zone", "value", "%q is no time zone such as Europe/Berlin", t.quiet.zone)
			return nil
		}
		q.Zone = zone
	}
	for _, day := range t.quiet.days {
		if i := slices.Index(weekdays, day); i >= 0 {
			q.Days = append(q.Days, time.Weekday(i))
		}
	}
	return q
}
