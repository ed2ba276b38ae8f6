package page

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"tocsin/cmd/runner/internal/api"
	"tocsin/cmd/runner/internal/guard"
)

// done goes on to a page after a form did what was asked, or says what was wrong.
func (p *Page) done(w http.ResponseWriter, r *http.Request, err error, to string) {
	if err != nil {
		p.problem(w, r, api.ProblemOf(err, p.Redact))
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (p *Page) reload(w http.ResponseWriter, r *http.Request) {
	_, err := p.Source.Reload(r.Context())
	p.done(w, r, err, "/rules?notice=reloaded")
}

// changeAlert changes the status of an alert.
func (p *Page) changeAlert(w http.ResponseWriter, r *http.Request) {
	err := r.ParseForm()
	if err != nil {
		err = asked(err)
	} else {
		c := api.Change{IDs: []string{r.PathValue("id")}, Status: r.PostForm.Get("status"), Reason: strings.TrimSpace(r.PostForm.Get("reason"))}
		if err = c.Sign(guard.Caller(r.Context()), "status page"); err == nil {
			_, err = p.Source.ChangeAlerts(r.Context(), c)
		}
	}
	p.done(w, r, err, "/alerts/"+url.PathEscape(r.PathValue("id"))+"?notice=changed")
}

func (p *Page) startBackfill(w http.ResponseWriter, r *http.Request) {
	n, err := newBackfill(r)
	if err == nil {
		_, err = p.Source.StartBackfill(r.Context(), n)
	}
	p.done(w, r, err, "/backfills?notice=started")
}

func (p *Page) cancelBackfill(w http.ResponseWriter, r *http.Request) {
	_, err := p.Source.CancelBackfill(r.Context(), r.PathValue("job"))
	p.done(w, r, err, "/backfills?notice=cancelled")
}

// newBackfill reads the form for a job.
func newBackfill(r *http.Request) (api.NewBackfill, error) {
	if err := r.ParseForm(); err != nil {
		return api.NewBackfill{}, asked(err)
	}
	n := api.NewBackfill{Job: strings.TrimSpace(r.PostForm.Get("job"))}
	for name, t := range map[string]*time.Time{"from": &n.From, "to": &n.To} {
		text := strings.TrimSpace(r.PostForm.Get(name))
		if text == "" {
			continue
		}
		var err error
		if *t, err = formTime(text); err != nil {
			return n, api.Invalid(name + " is not a time in UTC such as 2026-01-15T14:05")
		}
	}
	for one := range strings.FieldsFuncSeq(r.PostForm.Get("rules"), func(c rune) bool { return c == '\n' || c == '\r' }) {
		if one = strings.TrimSpace(one); one != "" {
			n.Rules = append(n.Rules, one)
		}
	}
	return n, nil
}

// formTime reads a time as browsers send those of a field for date and time, in UTC.
func formTime(text string) (t time.Time, err error) {
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", time.RFC3339} {
		if t, err = time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return t, err //nolint:wrapcheck // the caller says what is wanted
}
