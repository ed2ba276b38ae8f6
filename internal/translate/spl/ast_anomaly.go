package spl

// AnomalyDetection finds rows with an unlikely combination of values.
type AnomalyDetection struct {
	At
	Names []Name
	// Annotate passes the other rows on as well.
	Annotate bool
	// Share is the maximum probability of an anomalous row; 0 computes a bound from the rows. Plain uses that
	// bound unchanged; otherwise Splunk finds fewer rows, by a method that it does not document.
	Share float64
	Plain bool
}

// Command returns anomalydetection.
func (*AnomalyDetection) Command() string { return "anomalydetection" }

// String writes anomalydetection with its fields.
func (a *AnomalyDetection) String() string {
	action, share := "", ""
	if a.Annotate {
		action = "action=annotate"
	}
	if a.Share != 0 {
		share = "pthresh=" + decimal(a.Share)
	}
	return line("anomalydetection", action, share, off("cutoff", a.Plain), printNames(a.Names))
}

// parseAnomalyDetection parses anomalydetection. One of its methods is outlier.
func parseAnomalyDetection(p *parser, start int) Stage {
	method, action, cutoff := "histogram", "", true
	var share *float64
	names := p.namesAnd("anomalydetection", map[string]func(string) bool{
		"method": oneOf(&method, "histogram", "iqr"), "pthresh": toNumber(&share), "cutoff": toFlag(&cutoff),
		"action": oneOf(&action, "filter", "annotate", "remove", "rm", "transform", "tf"),
	})
	at := p.at(start)
	outlier := action != "" && action != "filter" && action != "annotate"
	if action != "" && outlier != (method == "iqr") {
		p.unsupported(at.Span, "the option action of anomalydetection cannot be %q with method=%s", action, method)
	}
	if method == "iqr" {
		return &Outlier{At: at, Names: names, Times: outlierTimes, Remove: action == "remove" || action == "rm"}
	}
	a := &AnomalyDetection{At: at, Names: names, Annotate: action == "annotate", Plain: !cutoff}
	if share != nil {
		if a.Share = *share; a.Share <= 0 || a.Share >= 1 {
			p.unsupported(at.Span, "the option pthresh of anomalydetection is between 0 and 1")
		}
	}
	return a
}
