// Package channel delivers messages: to webhooks, Slack, Teams, PagerDuty, Opsgenie, Alertmanager, by e-mail, to the other services that
// the library shoutrrr knows, and to commands.
//
// Requests over HTTP are our own where a key must be set, an incident closed or Retry-After obeyed, none of which the library does.
// Errors never contain what was configured as a secret, nor the address that a request went to beyond its host.
package channel
