package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/template"
	"time"
	"unicode"
)

// Message is what a channel delivers.
type Message struct {
	// Key is the idempotency key: the same whenever the message is sent again.
	Key   string
	Route string
	// Incident identifies what receivers keep open until a recovery.
	Incident    string
	Title, Text string
	Notice      Notice
	// Count is the number of notices that a digest stands for; else 1.
	Count int
}

// Payload is a message as JSON, for receivers that take the whole of it: webhooks and commands.
type Payload struct {
	Key      string `json:"key"`
	Route    string `json:"route"`
	Incident string `json:"incident"`
	Count    int    `json:"count"`
	Title    string `json:"title"`
	Text     string `json:"text"`
	Notice   Notice `json:"notice"`
}

// JSON returns the message as JSON.
func (m Message) JSON() ([]byte, error) {
	data, err := json.Marshal(Payload{m.Key, m.Route, m.Incident, m.Count, m.Title, m.Text, m.Notice})
	if err != nil {
		return nil, fmt.Errorf("encode the message: %w", err)
	}
	return data, nil
}

// Template makes a text of a notice.
type Template struct{ of *template.Template }

// functions are those of templates, beside Go's.
var functions = template.FuncMap{
	"upper": strings.ToUpper, "lower": strings.ToLower, "join": func(sep string, list []string) string { return strings.Join(list, sep) },
	"time": func(layout string, t time.Time) string { return t.UTC().Format(layout) },
	"field": func(name string, alert map[string]any) any {
		if v, ok := alert[name]; ok {
			return v
		}
		var at any = alert
		for part := range strings.SplitSeq(name, ".") {
			members, ok := at.(map[string]any)
			if !ok {
				return ""
			}
			if at, ok = members[part]; !ok {
				return ""
			}
		}
		return at
	},
}

// templateData is what templates see.
type templateData struct {
	Notice
	Route string
	Count int
	// Alert is the alert's document.
	Alert map[string]any
}

// NewTemplate parses a template, and tries it on a notice without an alert.
func NewTemplate(name, text string) (*Template, error) {
	t, err := template.New(name).Funcs(functions).Option("missingkey=zero").Parse(text)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the template and the line
	}
	made := &Template{t}
	if _, err := made.text(templateData{}); err != nil {
		return nil, err
	}
	return made, nil
}

// maxText bounds a text, in bytes: receivers have limits, and a template can repeat itself.
const maxText = 16 << 10

func (t *Template) text(data templateData) (string, error) {
	w := &bounded{}
	if err := t.of.Execute(w, data); err != nil {
		return "", err //nolint:wrapcheck // it names the template and the line
	}
	return strings.ToValidUTF8(strings.TrimSpace(w.String()), ""), nil
}

// bounded keeps the beginning of what is written.
type bounded struct{ strings.Builder }

func (b *bounded) Write(p []byte) (int, error) {
	_, _ = b.Builder.Write(p[:min(len(p), maxText-b.Len())])
	return len(p), nil
}

// message returns the message of an entry for a route. Where a template fails or makes nothing, the notice's own title or text is sent.
func (r *Route) message(e *Entry) (Message, error) {
	m := Message{Key: e.ID, Route: r.Name, Incident: e.Notice.About(), Title: oneLine(e.Notice.Title), Text: e.Notice.Text, Notice: e.Notice, Count: 1}
	if e.Told != nil {
		m.Count = *e.Told
	}
	if r.Title == nil && r.Text == nil {
		return m, nil
	}
	data := templateData{Notice: e.Notice, Route: r.Name, Count: m.Count}
	if len(e.Notice.Alert) > 0 {
		if err := json.Unmarshal(e.Notice.Alert, &data.Alert); err != nil {
			return m, fmt.Errorf("the alert of %s: %w", e.Notice.Key, err)
		}
	}
	var failed []error
	if r.Title != nil {
		made, err := r.Title.text(data)
		if failed = append(failed, err); strings.ContainsFunc(made, isWord) { // else of a digest, which has not all that an alert has
			m.Title = oneLine(made)
		}
	}
	if r.Text != nil {
		made, err := r.Text.text(data)
		if failed = append(failed, err); made != "" {
			m.Text = made
		}
	}
	if err := errors.Join(failed...); err != nil { // an alert with the usual words is better than none
		m.Text += "\n\nThe template of the route " + r.Name + " cannot be used for this: " + err.Error()
	}
	return m, nil
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// oneLine returns a text as one line: a title may become a header.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
