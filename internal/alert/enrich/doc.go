// Package enrich adds to new alerts what is known of their addresses, hosts and users beside their events: places and networks
// from databases of addresses, and columns of tables of assets and users.
//
// The flow: [Load] reads the configuration, [New] makes an [Enricher] of it, [Enricher.Run] loads the databases and tables
// and loads them again when they change, and [Enricher.Enrich] adds fields to alerts before they are written. It asks nobody:
// everything is in memory, and what is not loaded yet, or cannot be loaded, is named in the alert and counted. So no
// file, index or value can hold an alert up. What it adds is not part of an alert's identity, and never replaces a value of
// the event.
package enrich
