package splunk_test

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"testing"

	"tocsin/internal/diag"
	"tocsin/internal/splunk"
	"tocsin/internal/translate/spl"
)

// stream generates events on demand, so that only the memory of the search is measured.
type stream struct{ n int }

func (s stream) Events(_ context.Context, _ splunk.Scan, visit func(splunk.Row) error) error {
	for i := range s.n {
		row := splunk.Row{
			"_time":        splunk.Number(float64(1_772_712_000 - i)),
			"sourcetype":   splunk.Text("cisco:isovalent:processExec"),
			"process":      splunk.Text(fmt.Sprintf("/usr/bin/curl -s https://host-%d.example/%d", i%100, i%7)),
			"process_name": splunk.Text("curl"),
			"cluster":      splunk.Text(fmt.Sprintf("cluster-%d", i%5)),
			"pod":          splunk.Text(fmt.Sprintf("pod-%d", i%1000)),
			"bytes":        splunk.Text(strconv.Itoa(i % 4096)),
		}
		if err := visit(row); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkSearchEvalStats runs a million events through search, eval and stats by three fields.
func BenchmarkSearchEvalStats(b *testing.B) {
	const events = 1_000_000
	s, diags := spl.ParseText(diag.NewText("search", `sourcetype=cisco:isovalent:processExec process="*CURL*" NOT process=*secret*
		| eval kb = bytes / 1024, big = if(kb > 2, "yes", "no")
		| stats count min(_time) as first max(_time) as last sum(kb) as kb dc(process) as processes by cluster pod big`), macros)
	if s == nil {
		b.Fatal(diags)
	}
	for b.Loop() {
		rows := 0
		err := splunk.Run(b.Context(), s, splunk.Env{}, stream{events}, splunk.Window{}, func(splunk.Row) error { rows++; return nil })
		if err != nil || rows != 2000 {
			b.Fatalf("%d rows: %v", rows, err)
		}
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	b.ReportMetric(float64(events)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(memory.Sys)/(1<<20), "MiB-of-system")
}
