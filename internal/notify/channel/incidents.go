package channel

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"tocsin/internal/diag/redact"
	"tocsin/internal/notify"
)

// encoded returns a value as JSON.
func encoded(value any) ([]byte, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, &notify.Refusal{Err: fmt.Errorf("encode the message: %w", err), Final: true}
	}
	return data, nil
}

// facts are what receivers show beside the text.
func facts(m notify.Message) map[string]string {
	out := map[string]string{"kind": string(m.Notice.Kind), "key": m.Notice.Key, "namespace": m.Notice.Namespace}
	for name, value := range map[string]string{"rule_id": m.Notice.RuleID, "rule": m.Notice.RuleName, "severity": m.Notice.Severity} {
		if value != "" {
			out[name] = value
		}
	}
	if m.Notice.RiskScore != 0 {
		out["risk_score"] = strconv.FormatFloat(m.Notice.RiskScore, 'f', -1, 64)
	}
	for name, value := range m.Notice.Fields {
		if _, taken := out[name]; !taken {
			out[name] = value
		}
	}
	return out
}

// PagerDuty sends events to the Events API v2. The deduplication key is the incident; a recovery resolves it.
type PagerDuty struct {
	// Base is the URL of the API; empty: PagerDuty's.
	Base       string
	RoutingKey string
}

// Traits implements [notify.Channel].
func (PagerDuty) Traits() notify.Traits { return notify.Traits{Idempotent: true, Incidents: true} }

// Send implements [notify.Channel].
func (p PagerDuty) Send(ctx context.Context, m notify.Message) error {
	event := map[string]any{"routing_key": p.RoutingKey, "dedup_key": cut(m.Incident, 255), "event_action": "trigger"}
	if m.Notice.Kind == notify.KindRecovery {
		event["event_action"] = "resolve"
	} else {
		details := facts(m)
		details["text"] = m.Text
		source := m.Notice.Namespace
		if source == "" {
			source = "tocsin"
		}
		event["payload"] = map[string]any{
			"summary": cut(m.Title, 1024), "source": source, "severity": pagerDutySeverity(m.Notice.Severity),
			"timestamp": m.Notice.At.UTC().Format(time.RFC3339), "class": string(m.Notice.Kind), "custom_details": details,
		}
	}
	body, err := encoded(event)
	if err != nil {
		return err
	}
	return post{url: under(p.Base, "https://events.pagerduty.com", "/v2/enqueue"), body: body, secrets: []string{p.RoutingKey}}.send(ctx)
}

func pagerDutySeverity(severity string) string {
	switch severity {
	case "critical":
		return "critical"
	case "high":
		return "error"
	case "low":
		return "info"
	}
	return "warning"
}

// Opsgenie creates alerts. The alias is the incident; a recovery closes the alert.
type Opsgenie struct {
	// Base is the URL of the API; empty: Opsgenie's. The one in the EU is https://api.eu.opsgenie.com.
	Base   string
	APIKey string
}

// Traits implements [notify.Channel].
func (Opsgenie) Traits() notify.Traits { return notify.Traits{Idempotent: true, Incidents: true} }

// Send implements [notify.Channel].
func (o Opsgenie) Send(ctx context.Context, m notify.Message) error {
	alias, path := cut(m.Incident, 512), "/v2/alerts"
	request := map[string]any{"source": "tocsin", "user": "tocsin"}
	if m.Notice.Kind == notify.KindRecovery {
		path += "/" + url.PathEscape(alias) + "/close?identifierType=alias"
		request["note"] = cut(m.Title+"\n"+m.Text, 25_000)
	} else {
		request["message"], request["alias"], request["description"] = cut(m.Title, 130), alias, cut(m.Text, 15_000)
		request["priority"], request["details"] = opsgeniePriority(m.Notice.Severity), facts(m)
		tags := m.Notice.Tags[:min(len(m.Notice.Tags), 20)]
		short := make([]string, len(tags))
		for i, tag := range tags {
			short[i] = cut(tag, 50)
		}
		request["tags"] = short
	}
	body, err := encoded(request)
	if err != nil {
		return err
	}
	p := post{
		url: under(o.Base, "https://api.opsgenie.com", path), body: body, headers: map[string]string{"Authorization": "GenieKey " + o.APIKey},
		secrets: []string{o.APIKey},
	}
	if m.Notice.Kind == notify.KindRecovery {
		p.taken = []int{http.StatusNotFound} // it is closed, or was never opened
	}
	return p.send(ctx)
}

func opsgeniePriority(severity string) string {
	switch severity {
	case "critical":
		return "P1"
	case "high":
		return "P2"
	case "low":
		return "P4"
	}
	return "P3"
}

// Alertmanager posts alerts to the API v2 of one or more Alertmanagers, which find duplicates by their labels. States last until
// their recovery, alerts and digests for Lasts.
type Alertmanager struct {
	URLs []string
	// Token is sent as a bearer token; may be empty.
	Token  string
	Labels map[string]string
	// Lasts is how long an alert is active; 0: an hour.
	Lasts time.Duration
}

// stateLasts is how long a state without a recovery is active.
const stateLasts = 7 * 24 * time.Hour

// Traits implements [notify.Channel].
func (Alertmanager) Traits() notify.Traits { return notify.Traits{Idempotent: true, Incidents: true} }

// Send implements [notify.Channel]. The members of a cluster must all be told; the message counts as delivered once one of them has it.
func (a Alertmanager) Send(ctx context.Context, m notify.Message) error {
	labels := map[string]string{"alertname": "Tocsin" + title(string(m.Notice.Kind)), "incident": m.Incident}
	if m.Notice.Kind == notify.KindRecovery { // the labels of the state that it ends
		labels["alertname"] = "TocsinState"
	}
	for name, value := range map[string]string{"namespace": m.Notice.Namespace, "rule_id": m.Notice.RuleID, "severity": m.Notice.Severity} {
		// A recovery need not know all that the state said.
		if value != "" && (name != "severity" || m.Notice.Kind != notify.KindState && m.Notice.Kind != notify.KindRecovery) {
			labels[name] = value
		}
	}
	maps.Copy(labels, a.Labels)
	begins, ends := m.Notice.At.UTC(), m.Notice.At.UTC()
	now := time.Now().UTC()
	lasts := a.Lasts
	if lasts <= 0 {
		lasts = time.Hour
	}
	switch m.Notice.Kind {
	case notify.KindRecovery:
		begins = begins.Add(-time.Second)
	case notify.KindState:
		ends = now.Add(stateLasts)
	default:
		ends = now.Add(lasts)
	}
	body, err := encoded([]any{map[string]any{
		"labels": labels, "annotations": map[string]string{"summary": m.Title, "description": m.Text, "rule": m.Notice.RuleName, "key": m.Key},
		"startsAt": begins.Format(time.RFC3339Nano), "endsAt": ends.Format(time.RFC3339Nano),
	}})
	if err != nil {
		return err
	}
	headers := map[string]string{}
	if a.Token != "" {
		headers["Authorization"] = "Bearer " + a.Token
	}
	var first error
	taken := false
	for _, base := range a.URLs {
		p := post{url: under(base, "", "/api/v2/alerts"), body: body, headers: headers, secrets: append(redact.URL(base), a.Token)}
		if err := p.send(ctx); err == nil {
			taken = true
		} else if first == nil {
			first = err
		}
	}
	if taken {
		return nil
	}
	return first
}

// title returns a word with a capital letter.
func title(word string) string {
	runes := slices.Collect(func(yield func(rune) bool) {
		for i, r := range word {
			if i == 0 && r >= 'a' && r <= 'z' {
				r -= 'a' - 'A'
			}
			if !yield(r) {
				return
			}
		}
	})
	return string(runes)
}
