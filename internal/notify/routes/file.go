package routes

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
	"tocsin/internal/notify"
)

// area begins the codes of diagnostics.
const area = "notify"

// table is a [[route]] as read.
type table struct {
	name, kind string

	kinds, rules, tags, severities, namespaces []string
	blocks                                     bool

	title, text diag.Text

	rate, concurrency, attempts                  int
	per, timeout, retryMin, retryMax, giveUp     time.Duration
	quiet                                        *quiet
	url, base, secret, token, username, password string
	urls                                         []string
	headers, labels                              map[string]any
	lasts                                        time.Duration
	command, environment                         []string
	host, from, encryption                       string
	port                                         int
	to                                           []string

	at *tomltree.Value
}

type quiet struct {
	from, to, zone string
	days, except   []string
	at             *tomltree.Value
}

// file is the whole file.
type file struct{ routes []table }

// Read reads a file. Environment returns the value of a variable; files are read relative to the working directory. Without an
// error among the diagnostics, all routes can be used.
func Read(text diag.Text, environment func(string) (string, bool)) (*notify.Routes, diag.List) {
	routes, diags := read(text, environment)
	for i := range diags {
		if d := &diags[i]; mayHold.MatchString(d.Excerpt) {
			d.Excerpt = "" // the place says enough
			if strings.HasSuffix(d.Code, "/syntax") {
				d.Message = "not valid TOML" // a parser may quote the offending text
			}
		}
	}
	return routes, diags
}

// mayHold finds lines that may hold a secret: keys that sound like one, and URLs.
var mayHold = regexp.MustCompile(`(?i)pass|secret|token|credential|key|auth|://`)

func read(text diag.Text, environment func(string) (string, bool)) (*notify.Routes, diag.List) {
	root, diags := tomltree.Parse(text, area)
	if root == nil || diags.HasErrors() {
		return nil, diags
	}
	r := &reader{Decoder: tomltree.Decoder{File: text, Area: area, List: diags}, environment: environment}
	var read file
	tomltree.Into(&r.Decoder, root, tomltree.Fields[file]{"route": func(d *tomltree.Decoder, v *tomltree.Value, f *file) {
		tomltree.Each(r.fields(), func(f *file) *[]table { return &f.routes })(d, v, f)
		for i := range f.routes {
			f.routes[i].at = v.Items[i]
		}
	}}, &read)
	for i := range r.List {
		if strings.HasSuffix(r.List[i].Code, "/unknown-key") { // a misspelt condition would be for more than it says
			r.List[i].Severity = diag.Error
		}
	}
	if len(read.routes) == 0 && !r.List.HasErrors() {
		r.Report(diag.Error, "missing", root.Span, "the file has no [[route]]")
	}
	var list []notify.Route
	names := map[string]bool{}
	for i := range read.routes {
		t := &read.routes[i]
		if names[t.name] && t.name != "" {
			r.Report(diag.Error, "duplicate", t.at.Get("name").Span, "there are two routes named %q", t.name)
		}
		names[t.name] = true
		list = append(list, r.route(t))
	}
	if r.List.Sort(); r.List.HasErrors() {
		return nil, r.List
	}
	return notify.NewRoutes(list...), r.List
}

// fail reports an error at a key of a table, or at the table if it does not have the key.
func (r *reader) fail(at *tomltree.Value, key, kind, format string, args ...any) {
	span := at.Span
	if v := at.Get(key); v != nil {
		span = v.Span
	}
	r.Report(diag.Error, kind, span, format, args...)
}

// minSpan is the shortest time that a key can have.
const minSpan = time.Millisecond

func duration[T any](at func(*T) *time.Duration) tomltree.Field[T] {
	return func(d *tomltree.Decoder, v *tomltree.Value, to *T) {
		before := len(d.List)
		var text string
		tomltree.Scalar(func(*T) *string { return &text })(d, v, to)
		if len(d.List) > before {
			return
		}
		length, err := time.ParseDuration(text)
		if err != nil || length < minSpan {
			d.Report(diag.Error, "value", v.Span, "%q is no length of time such as 90s or 5m", text)
			return
		}
		*at(to) = length
	}
}

func positive(at func(*table) *int) tomltree.Field[table] {
	return func(d *tomltree.Decoder, v *tomltree.Value, to *table) {
		tomltree.Number(at)(d, v, to)
		if v.Kind == tomltree.Integer && v.Int < 1 {
			d.Report(diag.Error, "value", v.Span, "%s must be at least 1", v.Key)
		}
	}
}

// oneOf reads a list of words.
func oneOf(words []string, at func(*table) *[]string) tomltree.Field[table] {
	return func(d *tomltree.Decoder, v *tomltree.Value, to *table) {
		tomltree.OneOrList(at)(d, v, to)
		checkWords(d, v, words)
	}
}

func checkWords(d *tomltree.Decoder, v *tomltree.Value, words []string) {
	each := v.Items
	if v.Kind == tomltree.String {
		each = []*tomltree.Value{v}
	}
	for _, item := range each {
		if item.Kind == tomltree.String && !slices.Contains(words, item.Text) {
			d.Report(diag.Error, "value", item.Span, "%q is none of %s", item.Text, strings.Join(words, ", "))
		}
	}
	if v.Kind == tomltree.Array && len(v.Items) == 0 {
		d.Report(diag.Error, "value", v.Span, "%s is empty", v.Key)
	}
}

// nonempty reads a list of texts without empty ones.
func nonempty(at func(*table) *[]string) tomltree.Field[table] {
	return func(d *tomltree.Decoder, v *tomltree.Value, to *table) {
		tomltree.OneOrList(at)(d, v, to)
		if v.Kind == tomltree.Array && len(v.Items) == 0 || slices.Contains(*at(to), "") {
			d.Report(diag.Error, "value", v.Span, "%s is empty", v.Key)
		}
	}
}

var (
	severities = []string{"low", "medium", "high", "critical"}
	kinds      = []string{string(notify.KindAlert), string(notify.KindState), string(notify.KindRecovery)}
	weekdays   = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
	encryption = []string{"auto", "none", "starttls", "tls"}
)

// fields are the keys of a [[route]].
func (r *reader) fields() tomltree.Fields[table] {
	return tomltree.Fields[table]{
		"name": tomltree.Scalar(func(t *table) *string { return &t.name }),
		"type": tomltree.Scalar(func(t *table) *string { return &t.kind }),

		"kinds":           oneOf(kinds, func(t *table) *[]string { return &t.kinds }),
		"rules":           nonempty(func(t *table) *[]string { return &t.rules }),
		"tags":            nonempty(func(t *table) *[]string { return &t.tags }),
		"severities":      oneOf(severities, func(t *table) *[]string { return &t.severities }),
		"namespaces":      nonempty(func(t *table) *[]string { return &t.namespaces }),
		"building_blocks": tomltree.Flag(func(t *table) *bool { return &t.blocks }),

		"title": tomltree.Source(func(t *table) *diag.Text { return &t.title }),
		"text":  tomltree.Source(func(t *table) *diag.Text { return &t.text }),

		"rate": positive(func(t *table) *int { return &t.rate }), "per": duration(func(t *table) *time.Duration { return &t.per }),
		"concurrency": positive(func(t *table) *int { return &t.concurrency }), "timeout": duration(func(t *table) *time.Duration { return &t.timeout }),
		"attempts": positive(func(t *table) *int { return &t.attempts }), "give_up": duration(func(t *table) *time.Duration { return &t.giveUp }),
		"retry_min": duration(func(t *table) *time.Duration { return &t.retryMin }), "retry_max": duration(func(t *table) *time.Duration { return &t.retryMax }),
		"quiet": func(d *tomltree.Decoder, v *tomltree.Value, t *table) {
			t.quiet = &quiet{at: v}
			tomltree.Into(d, v, quietFields, t.quiet)
		},

		"url": tomltree.Scalar(func(t *table) *string { return &t.url }), "url_file": r.fromFile(func(t *table) *string { return &t.url }), "url_env": r.fromEnvironment(func(t *table) *string { return &t.url }),
		"secret_file": r.fromFile(func(t *table) *string { return &t.secret }), "secret_env": r.fromEnvironment(func(t *table) *string { return &t.secret }),
		"token_file": r.fromFile(func(t *table) *string { return &t.token }), "token_env": r.fromEnvironment(func(t *table) *string { return &t.token }),
		"password_file": r.fromFile(func(t *table) *string { return &t.password }), "password_env": r.fromEnvironment(func(t *table) *string { return &t.password }),
		"urls": nonempty(func(t *table) *[]string { return &t.urls }), "base": tomltree.Scalar(func(t *table) *string { return &t.base }),
		"headers": tomltree.Free(func(t *table) *map[string]any { return &t.headers }), "labels": tomltree.Free(func(t *table) *map[string]any { return &t.labels }),
		"lasts":   duration(func(t *table) *time.Duration { return &t.lasts }),
		"command": nonempty(func(t *table) *[]string { return &t.command }), "environment": nonempty(func(t *table) *[]string { return &t.environment }),
		"host": tomltree.Scalar(func(t *table) *string { return &t.host }), "port": positive(func(t *table) *int { return &t.port }),
		"username": tomltree.Scalar(func(t *table) *string { return &t.username }), "from": tomltree.Scalar(func(t *table) *string { return &t.from }),
		"to": nonempty(func(t *table) *[]string { return &t.to }),
		"encryption": func(d *tomltree.Decoder, v *tomltree.Value, t *table) {
			tomltree.Scalar(func(t *table) *string { return &t.encryption })(d, v, t)
			checkWords(d, v, encryption)
		},
	}
}

var quietFields = tomltree.Fields[quiet]{
	"from":   tomltree.Scalar(func(q *quiet) *string { return &q.from }),
	"to":     tomltree.Scalar(func(q *quiet) *string { return &q.to }),
	"zone":   tomltree.Scalar(func(q *quiet) *string { return &q.zone }),
	"days":   words(weekdays, func(q *quiet) *[]string { return &q.days }),
	"except": words(severities, func(q *quiet) *[]string { return &q.except }),
}

func words(of []string, at func(*quiet) *[]string) tomltree.Field[quiet] {
	return func(d *tomltree.Decoder, v *tomltree.Value, q *quiet) {
		tomltree.OneOrList(at)(d, v, q)
		checkWords(d, v, of)
	}
}
