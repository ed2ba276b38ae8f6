// Package condition is the neutral form of what a rule asks of one event: a tree of boolean
// operators over tests of single fields. Every rule language is lowered to it, every execution
// starts from it.
//
// It is not a query language (it has no text form to parse) and knows no rule, index or time. What
// differs between languages is written in the leaf: whether case folds, whether a pattern has
// wildcards. Logic is two-valued, as in Query DSL: a leaf is true or false of a document, a
// missing field makes it false, Not is the exact complement.
//
// The flow: a language makes an [Expr]; [Simplify] folds and flattens it; [Pushdown] splits off
// what Elasticsearch cannot say, [Remainder] what then is left to do; [DSL] writes it as Query DSL; [Compile] makes a [Matcher] that
// gives the same answers in memory.
package condition
