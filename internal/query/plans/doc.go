// Package plans chooses the plan of a rule ([For]) or of an ad hoc query ([AdHoc]): by the rule's type, and then by the
// shape of the query. It is the only package that knows all families of rule types.
package plans
