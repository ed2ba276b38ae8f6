// Package kibana makes saved objects that a Kibana imports: a data view of alerts, and a dashboard over it.
//
// It asks no Kibana. [Objects] describes the objects as Kibana 8.8 exported them, which later versions migrate when they import
// them; nothing of it was tried with a Kibana.
package kibana
