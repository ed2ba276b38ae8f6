// Package elastic is Tocsin's only way to an Elasticsearch cluster: it finds out what index patterns
// mean, reads events page by page, and writes and reads alerts.
//
// It decides nothing about rules: which condition to search for, which alert to write and whether a
// failed window is tried again are decided above it. It keeps no state but its connections.
//
// The flow: [New] makes a [Client] of a [Config]; every call goes through one place that adds the
// credentials, sets a deadline, repeats what may be repeated and turns whatever goes wrong into a
// [failure.Error]. [Client] is a search.Events: Resolve asks for the patterns' indices and for the
// fields' capabilities and definitions, Search reads a point in time with search_after.
// [Alerts] is an alert.Indexer and an alert.Reader on the write alias of a namespace;
// [Alerts.Install] prepares templates, first index and alias.
//
//	client, err := elastic.New(elastic.Config{URLs: []string{"http://localhost:9200"}})
//	target, err := client.Resolve(ctx, patterns, []string{"process.name"})
//	result, err := client.Search(ctx, search.Request{Patterns: patterns, Where: condition, …}, visit)
//
// It is written against Elasticsearch 8.16 and later.
package elastic
