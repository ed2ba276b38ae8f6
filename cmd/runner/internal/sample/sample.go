// Package sample is a made-up service for tests and screenshots: an [api.Source] with any number of rules, whose texts a test can
// make hostile. It always says the same.
package sample

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"tocsin/cmd/runner/internal/api"
	"tocsin/internal/match/condition"
	"tocsin/internal/query"
	"tocsin/internal/run/health"
	"tocsin/internal/run/verdict"
)

// Now is the time at which the service is shown.
var Now = time.Date(2026, time.March, 12, 14, 32, 20, 0, time.UTC)

const (
	day   = 24 * time.Hour
	parts = 48
)

// Source is the service. Fill it with [New].
type Source struct {
	// Text changes every text that comes from rules or events.
	Text func(string) string

	rules    []api.Rule
	coverage api.Coverage
	alerts   []api.Alert

	mu   sync.Mutex
	jobs []api.Backfill
}

var names = []string{
	"Shell spawned by a web server", "Scheduled task created by an Office program", "Password spraying against one host", "LSASS memory read by an unsigned process", "SSH login from a new country",
	"Kubernetes secret read by a new service account", "PowerShell with an encoded command", "Root login to a cloud console", "DNS tunnel by long labels", "Backup deleted with vssadmin",
	"New service installed remotely", "Firewall rule removed in the cloud", "Suspicious child of the browser", "Archive written to a share by a new user", "Kernel module loaded outside of boot",
	"Token with many scopes granted", "Mass download from file storage", "Disabled audit log", "Beacon at regular intervals", "Credential file read by a container",
}

var techniques = []struct{ tactic, tacticID, id, name string }{
	{"Initial Access", "TA0001", "T1190", "Exploit Public-Facing Application"},
	{"Execution", "TA0002", "T1059", "Command and Scripting Interpreter"},
	{"Execution", "TA0002", "T1053", "Scheduled Task/Job"},
	{"Persistence", "TA0003", "T1543", "Create or Modify System Process"},
	{"Privilege Escalation", "TA0004", "T1548", "Abuse Elevation Control Mechanism"},
	{"Credential Access", "TA0006", "T1110", "Brute Force"},
	{"Credential Access", "TA0006", "T1003", "OS Credential Dumping"},
	{"Discovery", "TA0007", "T1087", "Account Discovery"},
	{"Lateral Movement", "TA0008", "T1021", "Remote Services"},
	{"Command and Control", "TA0011", "T1071", "Application Layer Protocol"},
	{"Exfiltration", "TA0010", "T1567", "Exfiltration Over Web Service"},
	{"Impact", "TA0040", "T1490", "Inhibit System Recovery"},
	{"Initial Access", "TA0001", "T1078", "Valid Accounts"},
	{"Initial Access", "TA0001", "T1566", "Phishing"},
	{"Execution", "TA0002", "T1204", "User Execution"},
	{"Execution", "TA0002", "T1610", "Deploy Container"},
	{"Persistence", "TA0003", "T1136", "Create Account"},
	{"Persistence", "TA0003", "T1547", "Boot or Logon Autostart Execution"},
	{"Persistence", "TA0003", "T1098", "Account Manipulation"},
	{"Privilege Escalation", "TA0004", "T1055", "Process Injection"},
	{"Defense Evasion", "TA0005", "T1562", "Impair Defenses"},
	{"Defense Evasion", "TA0005", "T1070", "Indicator Removal"},
	{"Defense Evasion", "TA0005", "T1036", "Masquerading"},
	{"Credential Access", "TA0006", "T1552", "Unsecured Credentials"},
	{"Discovery", "TA0007", "T1046", "Network Service Discovery"},
	{"Discovery", "TA0007", "T1613", "Container and Resource Discovery"},
	{"Lateral Movement", "TA0008", "T1570", "Lateral Tool Transfer"},
	{"Collection", "TA0009", "T1560", "Archive Collected Data"},
	{"Command and Control", "TA0011", "T1105", "Ingress Tool Transfer"},
	{"Exfiltration", "TA0010", "T1041", "Exfiltration Over C2 Channel"},
	{"Impact", "TA0040", "T1486", "Data Encrypted for Impact"},
}

// New returns a service with so many rules. text changes every text that comes from rules or events; nil: none is changed.
func New(rules int, text func(string) string) *Source {
	if text == nil {
		text = func(s string) string { return s }
	}
	s := &Source{Text: text}
	r := rand.New(rand.NewPCG(7, 7)) //nolint:gosec // always the same, on purpose
	for i := range rules {
		s.rules = append(s.rules, s.rule(r, i))
	}
	slices.SortStableFunc(s.rules, func(a, b api.Rule) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	s.cover(r)
	s.alert(r)
	s.jobs = []api.Backfill{
		{Job: "sigma-q1", Status: "running", From: Now.Add(-30 * day), To: Now.Add(-day), Target: "default", Rules: 412, Slots: 1_203_000, Covered: 771_400, Begun: Now.Add(-time.Hour), Resumed: Now.Add(-time.Hour), TakenUp: 1, Here: true, Rate: 214.2, Remaining: 2015},
		{Job: "8f1c02d9a7be", Status: "done", From: Now.Add(-3 * day), To: Now.Add(-2 * day), Target: "default", Rules: 3, Slots: 4320, Covered: 4320, Begun: Now.Add(-26 * time.Hour), Resumed: Now.Add(-26 * time.Hour), TakenUp: 2},
		{Job: "triage-web", Status: "cancelled", From: Now.Add(-9 * day), To: Now.Add(-8 * day), Target: "triage", Rules: 12, Slots: 17_280, Covered: 2210, Begun: Now.Add(-50 * time.Hour), Resumed: Now.Add(-50 * time.Hour), TakenUp: 1},
	}
	return s
}

func (s *Source) rule(r *rand.Rand, i int) api.Rule {
	name := names[i%len(names)]
	if i >= len(names) {
		name = fmt.Sprintf("%s (%d)", name, i/len(names)+1)
	}
	next, last := Now.Truncate(time.Minute).Add(time.Minute), Now.Truncate(time.Minute)
	t := techniques[i%len(techniques)]
	one := api.Rule{
		ID: s.Text(fmt.Sprintf("rule-%04d", i)), Name: s.Text(name), Type: "eql", Language: "eql", Severity: api.Severities[(i*7+i/3)%4], RiskScore: 21 + i*13%79, Path: s.Text(fmt.Sprintf("rules/windows/rule_%04d.toml", i)),
		Tags: []string{s.Text("Domain: Endpoint"), s.Text("Tactic: " + t.tactic)}, Techniques: []string{t.id}, Schedule: "1m", State: api.OK, Owner: runnerIDs[i%len(runnerIDs)], NextRun: &next, LastRun: &last, LastOK: &last,
		Slots: api.Counts{Covered: 1440}, Alerts: int64(r.IntN(1 + r.IntN(40))),
	}
	switch {
	case i == 3:
		one.State, one.Problem = api.Failing, s.Text("search [logs-endpoint.events-*]: 3 of 12 shards failed: field data is disabled on [process.command_line]")
		one.Slots = api.Counts{Covered: 1391, Failed: 49}
	case i == 8:
		one.State, one.Problem = api.Behind, "17 open slots, the oldest of 2026-03-12T14:15:00Z"
		one.Slots = api.Counts{Covered: 1423, Planned: 17}
	case i == 5:
		one.State, one.Problem = api.Vacant, "no index matches the rule's patterns"
		one.Slots, one.LastOK = api.Counts{Vacant: 1440}, nil
	case i == 12:
		one.State, one.Problem = api.Broken, "the rule has errors: runner check says which"
		one.Slots, one.NextRun, one.LastRun, one.LastOK, one.Owner = api.Counts{}, nil, nil, nil, ""
	case i%97 == 41:
		one.State, one.Slots, one.NextRun, one.LastRun, one.LastOK, one.Owner = api.Disabled, api.Counts{}, nil, nil, nil, ""
	case i%61 == 33:
		one.State, one.Slots, one.LastRun, one.LastOK = api.New, api.Counts{}, nil, nil
	}
	return one
}

var runnerIDs = []string{"0b9f6a52-2b36-4a66-9a4e-1d0d2c5a7e11", "5d3c7f80-77c1-4b5a-8a1e-b2f4c0e9d222", "c41de7a9-0f9b-4a0d-9f1c-6e5b8d7a3333"}

func (s *Source) cover(r *rand.Rand) {
	from := Now.Add(-day)
	c := api.Coverage{From: from, To: Now, Step: (day / parts).Seconds(), Rules: []api.CoverageOfOne{}}
	c.At = Now.Add(-12 * time.Second)
	for i := range parts {
		c.Sums = append(c.Sums, api.CoverageSum{From: from.Add(time.Duration(i) * day / parts)})
	}
	for _, one := range s.rules {
		heat := []rune(strings.Repeat("█", parts))
		switch one.State {
		case api.Failing:
			copy(heat[46:], []rune("▄×"))
		case api.Behind:
			heat[47] = '▄'
		case api.Vacant:
			heat = []rune(strings.Repeat("○", parts))
		case api.New, api.Disabled, api.Broken:
			heat = []rune(strings.Repeat(" ", parts))
		case api.OK, api.Outdated, api.Correlated:
			if n := r.IntN(30); n < 3 {
				heat[10+n*9] = []rune("+▄-")[n]
			}
		}
		for i, h := range heat {
			switch h {
			case '█':
				c.Sums[i].Covered += 30
			case '×', '▄':
				c.Sums[i].Covered += 15
				c.Sums[i].Failed += 15
			case '○':
				c.Sums[i].Vacant += 30
			case '-':
				c.Sums[i].GivenUp += 30
			case '+':
				c.Sums[i].Queued += 30
			}
		}
		if one.State != api.Disabled && one.State != api.Broken {
			c.Rules = append(c.Rules, api.CoverageOfOne{RuleID: one.ID, Name: one.Name, Counts: one.Slots, Heat: string(heat), Lateness: 1 + r.Float64()*3, LastError: one.Problem})
		}
	}
	c.Total = len(c.Rules)
	s.coverage = c
}

func (s *Source) alert(r *rand.Rand) {
	hosts, users := []string{"web-01", "web-02", "db-03", "fin-laptop-17", "hr-laptop-02", "k8s-node-5"}, []string{"a.lovelace", "svc-backup", "g.hopper", "root", "k.johnson"}
	at := Now.Add(-40 * time.Second)
	if len(s.rules) == 0 {
		return
	}
	for i := range 240 {
		one := s.rules[(i*i+3*i)%len(s.rules)]
		when, written := at, at.Add(25*time.Second)
		host, user := hosts[r.IntN(len(hosts))], users[r.IntN(len(users))]
		a := api.Alert{
			ID: s.Text(fmt.Sprintf("%064x", 0xabc0+i)), Index: "tocsin-alerts-default-000001", Time: &when, Written: &written, Severity: one.Severity, RiskScore: strconv.Itoa(one.RiskScore), RuleID: one.ID, Rule: one.Name,
			Reason: s.Text(fmt.Sprintf("process event with process sh, parent process nginx, by %s on %s created %s alert %s.", user, host, one.Severity, one.Name)), Host: s.Text(host), User: s.Text(user), Status: "open",
			Techniques: s.Text("T1059 Command and Scripting Interpreter"),
		}
		if i%3 == 2 {
			a.Status, a.StatusBy, a.StatusAt = "acknowledged", s.Text("g.hopper"), &written
		}
		if i%9 == 0 {
			a.Group = a.ID
		}
		if i%5 == 1 {
			a.Also = int64(r.IntN(40))
		}
		s.alerts = append(s.alerts, a)
		at = at.Add(-time.Duration(1+r.IntN(11*60)) * time.Second)
	}
}

// Overview implements [api.Source].
func (s *Source) Overview(context.Context) (api.Overview, error) {
	o := api.Overview{
		Version: "0.9.0", Namespace: "default", Events: "Elasticsearch", Started: Now.Add(-77 * time.Hour), Ready: true, Runners: len(runnerIDs), Rules: map[api.State]int{},
		Open: map[api.Gravity]int{}, Problems: []string{"1 rule failing", s.Text("no index matches logs-kubernetes.audit-* since 2026-03-12T09:10:00Z; it had data before")},
		Alerts: map[string]int{"critical": 14, "high": 61, "medium": 88, "low": 77},
	}
	o.At = s.coverage.At
	for _, one := range s.states() {
		if one.Status == api.Phase(health.Open) {
			o.Open[one.Severity]++
		}
	}
	for _, r := range s.rules {
		o.Rules[r.State]++
		o.Slots.Add(r.Slots)
	}
	return o, nil
}

// Rules implements [api.Source].
func (s *Source) Rules(context.Context) (api.Rules, error) {
	return api.Rules{AsOf: s.coverage.AsOf, Total: len(s.rules), Rules: s.rules}, nil
}

// Rule implements [api.Source].
func (s *Source) Rule(ctx context.Context, id string) (api.RuleDetail, error) {
	i := slices.IndexFunc(s.rules, func(r api.Rule) bool { return r.ID == id })
	if i < 0 {
		return api.RuleDetail{}, api.NotFound("there is no rule with this id")
	}
	d := api.RuleDetail{
		Rule: s.rules[i], Description: s.Text("A web server starts a shell: somebody runs commands through it."), Indices: []string{s.Text("logs-endpoint.events.process-*")}, References: []string{},
		Query:  s.Text("process where event.type == \"start\" and\n  process.parent.name in (\"nginx\", \"httpd\", \"java\") and\n  process.name in (\"sh\", \"bash\", \"dash\")"),
		Threat: []api.Named{{ID: "T1059", Name: "Command and Scripting Interpreter"}}, Lag: "4s/31s", Gaps: []api.Gap{}, Latest: []api.Slot{},
	}
	for _, c := range s.coverage.Rules {
		if c.RuleID == id {
			d.Heat = c.Heat
		}
	}
	if d.State == api.Failing {
		from, to := Now.Add(-49*time.Minute), Now.Truncate(time.Minute)
		d.Gaps = append(d.Gaps, api.Gap{RuleID: id, Name: d.Name, From: &from, To: &to, Slots: 49, Status: "failed", Attempts: 4, Reason: "shards", Error: d.Problem})
	}
	var err error
	d.Latest, err = s.Slots(ctx, id, Now.Add(-12*time.Minute), Now)
	return d, err
}

// Slots implements [api.Source].
func (s *Source) Slots(_ context.Context, id string, from, to time.Time) ([]api.Slot, error) {
	i := slices.IndexFunc(s.rules, func(r api.Rule) bool { return r.ID == id })
	if i < 0 {
		return nil, api.NotFound("there is no rule with this id")
	}
	out := []api.Slot{}
	for at := to.Truncate(time.Minute); at.After(from) && len(out) < 5000; at = at.Add(-time.Minute) {
		ended := at.Add(2 * time.Second)
		one := api.Slot{Slot: at, Status: "covered", Attempts: 1, Read: 10_400 + int64(at.Minute()), Hits: int64(at.Minute() % 3), Created: int64(at.Minute() % 2), Took: .21, Ended: &ended}
		if s.rules[i].State == api.Failing {
			one.Status, one.Error, one.Reason = "failed", s.rules[i].Problem, "shards"
		}
		out = append(out, one)
	}
	return out, nil
}

// Runs implements [api.Source].
func (s *Source) Runs(context.Context) ([]api.Run, error) {
	out := []api.Run{}
	for i, r := range s.rules[:min(len(s.rules), 500)] {
		one := api.Run{ID: fmt.Sprintf("run-%d", i), RuleID: r.ID, Name: r.Name, Slot: Now.Truncate(time.Minute), Ended: Now, Status: "succeeded", Hits: 2, Created: 1, Took: .2}
		if r.State == api.Failing {
			one.Status, one.Problem = "failed", r.Problem
		}
		out = append(out, one)
	}
	return out, nil
}

// Coverage implements [api.Source].
func (s *Source) Coverage(context.Context) (api.Coverage, error) { return s.coverage, nil }

// Gaps implements [api.Source].
func (s *Source) Gaps(context.Context) (api.Gaps, error) {
	g := api.Gaps{AsOf: s.coverage.AsOf, Gaps: []api.Gap{}, Vacancies: []api.Vacancy{{Pattern: s.Text("logs-kubernetes.audit-*"), Rules: 4, Vacant: 1, Since: Now.Add(-5 * time.Hour), Met: true}}}
	for _, r := range s.rules {
		if r.State == api.Failing || r.State == api.Behind {
			from, to := Now.Add(-49*time.Minute), Now.Truncate(time.Minute)
			g.Gaps = append(g.Gaps, api.Gap{RuleID: r.ID, Name: r.Name, From: &from, To: &to, Slots: r.Slots.Open(), Status: "failed", Attempts: 4, Error: r.Problem})
		}
	}
	g.Total = len(g.Gaps)
	return g, nil
}

// Costs implements [api.Source].
func (s *Source) Costs(context.Context) (api.Costs, error) {
	c := api.Costs{AsOf: s.coverage.AsOf, From: Now.Add(-day), To: Now, Costs: []api.Cost{}}
	for i, r := range s.rules {
		took := 4000 / float64(i+2)
		one := api.Cost{
			RuleID: r.ID, Name: r.Name, Runs: r.Slots.Covered, Failed: r.Slots.Failed, Took: took, Mean: took / 1440, Longest: took / 200, Share: took / day.Seconds(), Read: int64(took * 9000), Alerts: r.Alerts,
			AlertsADay: float64(r.Alerts), LastSuccess: r.LastOK, Over: []string{},
		}
		if r.Alerts > 30 {
			one.Over = append(one.Over, "alerts")
		}
		c.Costs = append(c.Costs, one)
	}
	c.Total = len(c.Costs)
	return c, nil
}

// Attack implements [api.Source].
func (s *Source) Attack(context.Context) (api.Attack, error) {
	m := api.Attack{Version: 18, Rules: len(s.rules), Tactics: []api.Tactic{}, Techniques: []api.Technique{}}
	for _, t := range []struct{ id, name string }{
		{"TA0043", "Reconnaissance"},
		{"TA0042", "Resource Development"},
		{"TA0001", "Initial Access"},
		{"TA0002", "Execution"},
		{"TA0003", "Persistence"},
		{"TA0004", "Privilege Escalation"},
		{"TA0005", "Defense Evasion"},
		{"TA0006", "Credential Access"},
		{"TA0007", "Discovery"},
		{"TA0008", "Lateral Movement"},
		{"TA0009", "Collection"},
		{"TA0011", "Command and Control"},
		{"TA0010", "Exfiltration"},
		{"TA0040", "Impact"},
	} {
		one := api.Tactic{Named: api.Named{ID: t.id, Name: t.name}, Known: 14}
		for i, k := range techniques {
			if k.tacticID != t.id {
				continue
			}
			with := api.Technique{Named: api.Named{ID: k.id, Name: k.name}, TacticID: k.tacticID, RuleIDs: []string{}}
			for n, r := range s.rules {
				if n%(i*i+7) == i%7 {
					with.RuleIDs = append(with.RuleIDs, r.ID)
				}
			}
			one.Rules, one.Techniques = one.Rules+len(with.RuleIDs), one.Techniques+1
			m.Techniques = append(m.Techniques, with)
		}
		m.Tactics = append(m.Tactics, one)
	}
	return m, nil
}

// Runners implements [api.Source].
func (s *Source) Runners(context.Context) (api.Runners, error) {
	out := api.Runners{Fence: 9, Runners: []api.Runner{}}
	for i, id := range runnerIDs {
		out.Runners = append(out.Runners, api.Runner{ID: id, Host: s.Text(fmt.Sprintf("soc-runner-%d", i+1)), This: i == 0, Seen: Now.Add(-time.Duration(i+1) * time.Second), Rules: len(s.rules)/3 + i, Digest: "6f2b9d01c3aa47e5"})
	}
	return out, nil
}

// Alerts implements [api.Source].
func (s *Source) Alerts(_ context.Context, q api.AlertQuery) (api.Alerts, error) {
	if strings.Contains(q.Where, "(") {
		return api.Alerts{}, api.Invalid(s.Text("where is not a condition in KQL: where:1:6: error: Expected \")\" but end of input found."))
	}
	found, from := []api.Alert{}, 0
	if q.After != "" {
		if _, err := fmt.Sscan(q.After, &from); err != nil {
			return api.Alerts{}, api.Invalid("after is not the next of a page")
		}
	}
	for _, a := range s.alerts {
		if len(q.Severity) == 0 || slices.Contains(q.Severity, a.Severity) {
			found = append(found, a)
		}
	}
	out := api.Alerts{Alerts: api.Of(api.Page{Offset: from, Limit: q.Limit}, found)}
	if from+q.Limit < len(found) {
		out.Next = strconv.Itoa(from + q.Limit)
	}
	return out, nil
}

// Alert implements [api.Source].
func (s *Source) Alert(_ context.Context, id string) (api.AlertDetail, error) {
	i := slices.IndexFunc(s.alerts, func(a api.Alert) bool { return a.ID == id })
	block := strings.HasPrefix(id, s.Text("block-"))
	if i < 0 && !block {
		return api.AlertDetail{}, api.NotFound("there is no alert with this id")
	}
	a := s.alerts[max(0, i)]
	if block {
		a.ID, a.Block = id, true
	}
	d := api.AlertDetail{Alert: a, Events: []api.Event{}, Blocks: []api.Alert{}, Document: map[string]any{
		"kibana.alert.rule.name": a.Rule, "kibana.alert.reason": a.Reason, "kibana.alert.severity": a.Severity, "host": map[string]any{"name": a.Host}, s.Text("user.name"): a.User,
		"tags": []any{s.Text("one"), s.Text("two")},
	}}
	steps := 1
	if a.Group != "" && !block {
		steps = 5
	}
	for n, what := range []string{"authentication · logon · 203.0.113.82", "authentication · logon · 203.0.113.82", "authentication · logon · 203.0.113.82", "authentication · logon_success · 203.0.113.82", "process · exec · powershell.exe -enc SQBFAFgA"}[5-steps:] {
		at := a.Time.Add(-time.Duration((5-n)*(5-n)*4) * time.Second)
		source, err := json.Marshal(map[string]any{
			"@timestamp": at, "event": map[string]any{"category": []string{"process"}, "action": "exec"}, "process": map[string]any{"name": s.Text("powershell.exe"), "command_line": s.Text("powershell -enc SQBFAFgA")},
			"host": map[string]any{"name": a.Host}, s.Text("user"): map[string]any{"name": a.User}, "source": map[string]any{"ip": "203.0.113.82"},
		})
		if err != nil {
			return d, err //nolint:wrapcheck // for tests
		}
		d.Events = append(d.Events, api.Event{Index: s.Text("logs-endpoint.events.process-default"), ID: s.Text(fmt.Sprintf("event-%d", n)), Time: &at, Title: s.Text(what + " · " + a.Host), Step: n + 1, Source: source})
		if steps > 1 {
			b := a
			b.Block, b.ID, b.Time = true, s.Text(fmt.Sprintf("block-%d", n)), &at
			d.Blocks = append(d.Blocks, b)
		}
	}
	return d, nil
}

// ChangeAlerts implements [api.Source].
func (s *Source) ChangeAlerts(_ context.Context, c api.Change) (api.Changed, error) {
	if c.Status != "" && !slices.Contains([]string{"open", "acknowledged", "closed"}, c.Status) {
		return api.Changed{}, api.Invalid("status is not one of open, acknowledged, closed")
	}
	return api.Changed{Changed: len(c.IDs)}, nil
}

// AlertCounts implements [api.Source].
func (s *Source) AlertCounts(context.Context) (api.AlertCounts, error) {
	c := api.AlertCounts{AsOf: s.coverage.AsOf, From: Now.Add(-day), To: Now, Step: (day / parts).Seconds(), Parts: []api.AlertCount{}}
	for i := range parts {
		c.Parts = append(c.Parts, api.AlertCount{From: c.From.Add(time.Duration(i) * day / parts), BySeverity: map[string]int{}})
	}
	for _, a := range s.alerts {
		if i := int(a.Time.Sub(c.From) / (day / parts)); i >= 0 && i < parts {
			c.Parts[i].BySeverity[a.Severity]++
		}
	}
	return c, nil
}

// ExplainAlert implements [api.Source].
func (s *Source) ExplainAlert(ctx context.Context, id string, most int) ([]verdict.Verdict, error) {
	a, err := s.Alert(ctx, id)
	if err != nil {
		return nil, err
	}
	var out []verdict.Verdict
	for range a.Events[:min(most, len(a.Events))] {
		out = append(out, s.verdict(true))
	}
	return out, nil
}

// Explain implements [api.Source].
func (s *Source) Explain(_ context.Context, q api.Question) ([]verdict.Verdict, error) {
	if !slices.ContainsFunc(s.rules, func(r api.Rule) bool { return r.ID == q.RuleID }) {
		return nil, api.NotFound("there is no rule with this id or name that can run")
	}
	return []verdict.Verdict{s.verdict(false)}, nil
}

func (s *Source) verdict(holds bool) verdict.Verdict {
	result := verdict.No
	if holds {
		result = verdict.Yes
	}
	return verdict.Verdict{
		RuleID: "rule-0000", Rule: s.Text("Shell spawned by a web server"), Matches: &holds, Alerts: holds, Summary: s.Text("The event matches Shell spawned by a web server: process.parent.name is nginx."), Slot: Now.Truncate(time.Minute),
		SlotWindow: "[2026-03-12T14:26:00Z, 2026-03-12T14:32:00Z)", Smallest: true,
		Checks: []verdict.Check{
			{Name: verdict.Index, Result: verdict.Yes, Text: s.Text("logs-endpoint.events.process-default is among the patterns")},
			{Name: verdict.Window, Result: verdict.Unknown, Text: "slot 14:32 reads its time"},
			{Name: verdict.Condition, Result: result, Text: s.Text("it meets the condition")},
		},
		Deciding: []verdict.Clause{{Text: s.Text(`(term process.parent.name "nginx")`), Holds: holds, Values: []string{s.Text("nginx")}}},
		Near:     []query.Near{{Text: s.Text("all 5 steps are there"), Reached: true, Group: map[string]string{"host.name": s.Text("web-01")}}},
		Trace: condition.Trace{Text: "and", Holds: holds, Parts: []condition.Trace{
			{Text: s.Text(`(term process.parent.name "nginx")`), Holds: holds, Values: []string{s.Text("nginx")}, Deciding: true}, {Text: s.Text(`(term process.name "sh")`), Holds: true, Values: []string{s.Text("sh")}},
		}},
	}
}

// Backfills implements [api.Source].
func (s *Source) Backfills(context.Context) (api.Backfills, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return api.Backfills{AsOf: s.coverage.AsOf, Backfills: slices.Clone(s.jobs)}, nil
}

// Backfill implements [api.Source].
func (s *Source) Backfill(_ context.Context, id string) (api.Backfill, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.jobs {
		if j.Job == id {
			return j, nil
		}
	}
	return api.Backfill{}, api.NotFound("there is no job of this name")
}

// StartBackfill implements [api.Source].
func (s *Source) StartBackfill(_ context.Context, n api.NewBackfill) (api.Backfill, error) {
	if !n.From.Before(n.To) {
		return api.Backfill{}, api.Invalid("from must be before to")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	j := api.Backfill{Job: fmt.Sprintf("job-%d", len(s.jobs)), Status: "running", From: n.From, To: n.To, Target: "default", Rules: len(n.Rules), Slots: 100, Begun: Now, Resumed: Now, TakenUp: 1, Here: true}
	s.jobs = append(s.jobs, j)
	return j, nil
}

// CancelBackfill implements [api.Source].
func (s *Source) CancelBackfill(_ context.Context, id string) (api.Backfill, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.jobs {
		if s.jobs[i].Job == id {
			s.jobs[i].Status = "cancelled"
			return s.jobs[i], nil
		}
	}
	return api.Backfill{}, api.NotFound("there is no job of this name")
}

// Reload implements [api.Source].
func (s *Source) Reload(context.Context) (api.Reloaded, error) {
	return api.Reloaded{Added: []string{}, Changed: []string{s.rules[0].ID}, Removed: []string{}, Outdated: []string{}, Summary: "0 added, 1 changed, 0 removed, 0 broken that run as before"}, nil
}
