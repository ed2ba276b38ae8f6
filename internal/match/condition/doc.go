// Package condition is the neutral form of a rule's condition on one event: a tree of boolean
// operators over tests of single fields. Every rule language is lowered to it, and every execution
// starts from it.
//
// It is not a query language (it has no text form to parse) and knows no rule, index or time.
// Differences between languages are in the leaf: whether it ignores case, whether a pattern has
// wildcards. Logic is two-valued, as in Query DSL: a leaf is true or false of a document, a missing
// field makes it false, and Not is the exact complement.
//
// The flow: a language makes an [Expr]; [Simplify] folds and flattens it; [Pushdown] removes what
// Elasticsearch cannot evaluate, and [Remainder] is what remains to be matched in memory; [DSL]
// writes Query DSL; [Compile] makes a [Matcher] that gives the same answers in memory.
package condition
