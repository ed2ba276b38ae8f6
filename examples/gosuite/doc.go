// Package gosuite shows how a project tests its detection rules with tocsintest: on Elasticsearch, started in a container or named by
// TOCSIN_ELASTICSEARCH_URL, and without a server.
package gosuite
