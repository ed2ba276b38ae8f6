// Package verdict says why an event made an alert of a rule or did not.
//
// A [Question] has the rule, bound to mappings, and what is known of runs: the events beside, the alerts, the ledger. Its
// Judge puts every reason that could keep an event from an alert to the test ([Check]), in the order in which a run would:
// index, window, condition with filters and exceptions, the other events that the rule needs, lateness, suppression. A
// check that cannot be decided says so. The clauses of the condition that decide are the smallest set whose result would
// have to change ([condition.Decide]).
//
// It writes nothing, and knows no flags.
package verdict
