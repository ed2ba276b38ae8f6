// Package reach decides whether a rule can match under the mappings of its indices, and why it cannot.
//
// A rule is decided from what its plan needs ([query.Need]): the conditions as they are lowered under the real mappings. A
// condition that is false of every event cannot be met. Why it is false follows from the same rule under the types of ECS:
// a field is the cause if that condition is false without the field.
package reach
