// Package elastic is Tocsin's client for Elasticsearch: it resolves index patterns, reads events page by
// page, and writes and reads alerts.
//
// It makes no decisions about rules: the packages above decide which condition to search for, which alert to
// write and whether a failed window is tried again. It keeps no state but its connections and caches.
//
// The flow: [New] makes a [Client] from a [Config]. Every call goes through one function that adds the
// credentials, sets a deadline, retries what is safe to repeat, and turns errors into a [failure.Error].
// [Client] is a search.Events: Resolve reads the indices of patterns, their field capabilities and
// definitions; Search reads a point in time with search_after. [Alerts] is an alert.Indexer and an
// alert.Reader on the write alias of a namespace; [Alerts.Install] creates templates, first index and alias.
//
//	client, err := elastic.New(elastic.Config{URLs: []string{"http://localhost:9200"}})
//	target, err := client.Resolve(ctx, patterns, []string{"process.name"})
//	result, err := client.Search(ctx, search.Request{Patterns: patterns, Where: condition, …}, visit)
//
// It supports Elasticsearch 8.16 and later.
package elastic
