// Package plans chooses how a rule is planned: by its type ([For]), and for a query in a language by the shape of the
// query ([AdHoc] likewise, for a query that no rule holds). It is the one package that knows all of them.
package plans
