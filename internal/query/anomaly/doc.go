// Package anomaly plans rules of type machine_learning: the anomalies that jobs have found, as the events that they are
// about.
package anomaly
