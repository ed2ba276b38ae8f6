package health

import "slices"

// Kind is a kind of state.
type Kind string

// The kinds; [Kinds] describes them.
const (
	NotStarted     Kind = "not-started"
	Unreachable    Kind = "cluster-unreachable"
	Refused        Kind = "cluster-refused"
	Blocked        Kind = "alerts-not-writable"
	LedgerFailed   Kind = "ledger-not-writable"
	OutboxFailed   Kind = "outbox-not-writable"
	LeaseLost      Kind = "lease-lost"
	Unfit          Kind = "index-unfit"
	ClockSkew      Kind = "clock-skew"
	ReloadBroken   Kind = "reload-broken"
	Forbidden      Kind = "privilege-missing"
	IndexClosed    Kind = "index-closed"
	RoleIncomplete Kind = "role-incomplete"
	RemoteFailed   Kind = "remote-unreachable"
	ShardsFailed   Kind = "shards-failed"
	RuleFailing    Kind = "rule-failing"
	RuleCutOff     Kind = "rule-cut-off"
	Gap            Kind = "gap"
	GivenUp        Kind = "slots-given-up"
	SourceSilent   Kind = "source-silent"
	PatternVacant  Kind = "pattern-vacant"
	FieldsMissing  Kind = "fields-missing"
	Undelivered    Kind = "notifications-undelivered"
)

// ManyRules is the subject of a state that stands for those of many rules.
const ManyRules = "service"

// Severity says how bad a state is.
type Severity string

// The severities. With a critical state, rules do not run, or their alerts are not stored.
const (
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// Description describes a kind of state.
type Description struct {
	Kind     Kind
	Severity Severity
	// Subject says what the subject of a state of this kind is.
	Subject string
	// Meaning says what is wrong, Advice what to do.
	Meaning, Advice string
	// After is how often in a row a finding must be made until it is a state, Calm how often it must be absent until the state ends.
	After, Calm int
	// Causes are the kinds that explain findings of this kind: while there is one of them, such findings are not told.
	Causes []Kind
	// OfRule: the subject is the id of a rule, or [ManyRules].
	OfRule bool
	// Passing: the state reports something that has happened. Its end is not told.
	Passing bool
}

var down = []Kind{Unreachable, Refused}

// Kinds describes all kinds, the most fundamental first.
var Kinds = []Description{
	{
		Kind: NotStarted, Severity: Critical, Subject: "host of the runner", After: 2, Calm: 1,
		Meaning: "The service waits at its start, for at most `start-timeout`: Elasticsearch does not answer, refuses, or lets the indices of Tocsin not be written. No rule of this runner runs; slots stay open, and are run when it has started",
		Advice:  "do what the text says; the start is tried again every five seconds, with the files of credentials and certificates as they are then",
	},
	{
		Kind: Unreachable, Severity: Critical, Subject: "`cluster`", After: 2, Calm: 1,
		Meaning: "Elasticsearch does not answer. No rule runs; slots stay open, and are run when it answers again",
		Advice:  "check that the cluster runs and that this machine can reach its addresses",
	},
	{
		Kind: Refused, Severity: Critical, Subject: "`cluster`", After: 2, Calm: 1, Causes: []Kind{Unreachable},
		Meaning: "Elasticsearch does not accept the credentials or the client certificate, or its own certificate is not trusted: an API key has expired or was revoked, a password was changed, a certificate has expired, an authority is another one",
		Advice:  "do what the text says: files of keys, passwords, authorities and client certificates are read again, a variable of the environment is not; the certificate of the server has to be replaced there",
	},
	{
		Kind: Blocked, Severity: Critical, Subject: "`alerts`", After: 2, Calm: 1, Causes: down,
		Meaning: "Alerts cannot be written: their index is read-only, the disk of a node is full, or the privilege is missing. Slots stay open, and are run again",
		Advice:  "free disk space, remove the block of the index, or grant the privilege; nothing else has to be done",
	},
	{
		Kind: LedgerFailed, Severity: Critical, Subject: "`ledger`", After: 2, Calm: 1, Causes: append([]Kind{Blocked}, down...),
		Meaning: "The ledger cannot be written, so that slots are run again and again",
		Advice:  "free disk space, remove the block of the ledger's index, or grant the privilege",
	},
	{
		Kind: OutboxFailed, Severity: Critical, Subject: "`outbox`", After: 2, Calm: 1, Causes: append([]Kind{Blocked, LedgerFailed}, down...),
		Meaning: "Notifications cannot be stored. Slots with alerts stay open, and are run again",
		Advice:  "free disk space, remove the block of the outbox's index, or grant the privilege",
	},
	{
		Kind: LeaseLost, Severity: Critical, Subject: "`lease`", After: 3, Calm: 1, Causes: append([]Kind{Blocked, LedgerFailed}, down...),
		Meaning: "The lease of this runner cannot be renewed: it owns no rules, others take them over",
		Advice:  "look at the log of the runner; the index of the leases must be writable",
	},
	{
		Kind: Unfit, Severity: Critical, Subject: "index or template", After: 1, Calm: 1, Causes: down,
		Meaning: "An index or template of Tocsin is not as Tocsin creates it: alerts may be rejected, or not be found again",
		Advice:  "do what the text says; `runner doctor` shows all differences",
	},
	{
		Kind: ClockSkew, Severity: Warning, Subject: "`cluster`", After: 2, Calm: 2, Causes: down,
		Meaning: "The clocks of this machine and of the cluster differ by more than ten seconds. Slots wait until both have passed them",
		Advice:  "synchronize the clocks of the machines (NTP)",
	},
	{
		Kind: ReloadBroken, Severity: Warning, Subject: "`rules`", After: 1, Calm: 1,
		Meaning: "Rules, routes of notifications, credentials or enrichment were not reloaded, or rules have errors: they stay as they were before, or rules do not run",
		Advice:  "do what the text says; `runner check` shows the errors of rules; files are reloaded when they are changed",
	},
	{
		Kind: Forbidden, Severity: Critical, Subject: "indices", After: 2, Calm: 1, Causes: down,
		Meaning: "Indices that rules read may not be read",
		Advice:  "grant `read` and `view_index_metadata` on the indices; `runner doctor` names every missing privilege",
	},
	{
		// What fails for want of a privilege says so itself.
		Kind: RoleIncomplete, Severity: Warning, Subject: "`role`", After: 1, Calm: 1, Causes: append([]Kind{Blocked, LedgerFailed, OutboxFailed}, down...),
		Meaning: "The credentials lack privileges of the role, without that rules fail at once: less is checked, cleaned up or shown",
		Advice:  "`runner setup role` prints the role; `runner doctor` names every missing privilege",
	},
	{
		Kind: IndexClosed, Severity: Warning, Subject: "indices", After: 2, Calm: 1, Causes: down,
		Meaning: "An index that rules read is closed, so that its events are not searched",
		Advice:  "open the index, or set `closed`",
	},
	{
		Kind: RemoteFailed, Severity: Warning, Subject: "indices", After: 2, Calm: 1, Causes: down,
		Meaning: "A remote cluster that rules read does not answer",
		Advice:  "check the remote cluster and its connection (`GET _remote/info`)",
	},
	{
		Kind: ShardsFailed, Severity: Warning, Subject: "indices", After: 2, Calm: 1, Causes: down,
		Meaning: "Parts of the indices that rules read do not answer, or a search of them fails",
		Advice:  "look at the health of the indices (`GET _cat/shards`) and at the text of the state",
	},
	{
		Kind: RuleFailing, Severity: Warning, OfRule: true, Subject: "rule id", After: 2, Calm: 2, Causes: append([]Kind{Blocked, LedgerFailed}, down...),
		Meaning: "The rule fails for a reason of its own. Its slots stay open",
		Advice:  "the text says why; `runner explain` and `runner check --live` show how the rule runs here",
	},
	{
		Kind: RuleCutOff, Severity: Warning, OfRule: true, Subject: "rule id", After: 2, Calm: 2, Causes: append([]Kind{Blocked, LedgerFailed}, down...),
		Meaning: "The rule takes longer than `rule-timeout`, and is cut off",
		Advice:  "make the rule cheaper, or give it a longer interval or a longer `rule-timeout`",
	},
	{
		Kind: Gap, Severity: Warning, OfRule: true, Subject: "rule id; `service` for many rules", After: 2, Calm: 1, Causes: append([]Kind{Blocked, LedgerFailed, LeaseLost}, down...),
		Meaning: "Slots of the rule stay open, though it does not fail: the catch-up has made no progress with them for longer than `gap-after`",
		Advice:  "`runner coverage` shows the slots; the catch-up waits while the cluster is busy, or has too much to do",
	},
	{
		Kind: GivenUp, Severity: Critical, Subject: "`service`", After: 1, Calm: 1, Passing: true,
		Meaning: "Open slots have become older than `catch-up-age` or `ledger-retention`, and were given up: their events were not searched",
		Advice:  "`runner coverage` shows the gaps; `runner backfill` runs the rules over them",
	},
	{
		Kind: SourceSilent, Severity: Warning, Subject: "index pattern", After: 1, Calm: 1, Causes: append([]Kind{PatternVacant}, down...),
		Meaning: "No events come any more, where at this hour of the week there always were some; or for longer than `silent-after`",
		Advice:  "check the agents and the ingestion of this source",
	},
	{
		Kind: PatternVacant, Severity: Warning, Subject: "index pattern", After: 2, Calm: 1, Causes: down,
		Meaning: "An index pattern of rules has matched indices before and matches none now: they were renamed, deleted or closed",
		Advice:  "correct `index` of the rules, or restore the indices",
	},
	{
		Kind: FieldsMissing, Severity: Warning, Subject: "index patterns", After: 2, Calm: 1, Causes: append([]Kind{PatternVacant}, down...),
		Meaning: "Fields that rules test were mapped before and are not now: tests on them are false",
		Advice:  "correct the mapping or the template of the indices, or the rules",
	},
	{
		Kind: Undelivered, Severity: Warning, Subject: "route", After: 1, Calm: 1, Causes: down,
		Meaning: "Notifications of a route could not be delivered, and are dead letters",
		Advice:  "correct the route, and deliver them again with `runner notify`",
	},
}

// Describe returns the description of a kind.
func Describe(k Kind) Description {
	i := slices.IndexFunc(Kinds, func(d Description) bool { return d.Kind == k })
	if i < 0 {
		panic("health: no kind " + string(k))
	}
	return Kinds[i]
}

// rank returns the place of a kind among [Kinds].
func rank(k Kind) int {
	return slices.IndexFunc(Kinds, func(d Description) bool { return d.Kind == k })
}
