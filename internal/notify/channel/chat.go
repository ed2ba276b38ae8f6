package channel

import (
	"context"
	"maps"
	"strings"

	"tocsin/internal/diag/redact"
	"tocsin/internal/notify"
)

// Slack posts messages to an incoming webhook of Slack, or of a program with the same interface, such as Mattermost.
type Slack struct{ URL string }

// Traits implements [notify.Channel].
func (Slack) Traits() notify.Traits { return notify.Traits{} }

// slackText escapes a text for Slack.
var slackText = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// Send implements [notify.Channel].
func (s Slack) Send(ctx context.Context, m notify.Message) error {
	text := "*" + slackText.Replace(cut(m.Title, 1000)) + "*"
	if m.Text != "" {
		text += "\n" + slackText.Replace(cut(m.Text, 10_000))
	}
	body, err := encoded(map[string]any{"text": text})
	if err != nil {
		return err
	}
	return post{url: s.URL, body: body, secrets: redact.URL(s.URL)}.send(ctx)
}

// Teams posts messages to a webhook of Microsoft Teams (a workflow "when a webhook request is received"), as an adaptive card.
type Teams struct{ URL string }

// Traits implements [notify.Channel].
func (Teams) Traits() notify.Traits { return notify.Traits{} }

// Send implements [notify.Channel].
func (t Teams) Send(ctx context.Context, m notify.Message) error {
	block := func(text string, more map[string]any) map[string]any {
		out := map[string]any{"type": "TextBlock", "wrap": true, "text": text}
		maps.Copy(out, more)
		return out
	}
	blocks := []any{block(cut(m.Title, 500), map[string]any{"weight": "bolder", "size": "medium"})}
	for line := range strings.SplitSeq(cut(m.Text, 10_000), "\n") {
		if line != "" {
			blocks = append(blocks, block(line, nil))
		}
	}
	body, err := encoded(map[string]any{"type": "message", "attachments": []any{map[string]any{
		"contentType": "application/vnd.microsoft.card.adaptive",
		"content":     map[string]any{"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4", "body": blocks},
	}}})
	if err != nil {
		return err
	}
	return post{url: t.URL, body: body, secrets: redact.URL(t.URL)}.send(ctx)
}
