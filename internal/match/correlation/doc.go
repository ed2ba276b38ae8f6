// Package correlation finds when hits of rules, taken together, meet the condition of a correlation of Sigma.
//
// It knows neither events nor fields: a [Hit] is a time, a rule, the number of an event and the values that are counted.
// [Spec.Find] gets the hits of one group in any order, and visits every time at which a window completes: one that ends at
// a hit, includes both of its ends, and meets the condition. A window is judged with all hits of its last moment, so
// the order of hits with equal times does not matter. How many alerts that makes is decided by the caller.
//
//	hits of a group ─► sorted ─► a window slides over them ─► an aggregate of the type ─► [Completion]
package correlation
