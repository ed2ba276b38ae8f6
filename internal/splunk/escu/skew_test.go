package escu_test

import (
	"fmt"
	"testing"
	"time"

	"tocsin/internal/splunk/escu"
)

func TestSkew(t *testing.T) {
	for _, tt := range []struct {
		cron    string
		percent int
		most    time.Duration // what no skew reaches; 0: there is none
	}{
		{"0 * * * *", 100, time.Hour},
		{"0 * * * *", 50, 30 * time.Minute},
		{"0 * * * *", 0, 0},
		{"*/15 * * * *", 100, 15 * time.Minute},
		{"*/7 * * * *", 100, 4 * time.Minute},
		{"* * * * *", 100, 0},
		{"0 */6 * * *", 100, 6 * time.Hour},
		{"0 0 * * *", 10, 144 * time.Minute},
		{"10 0 * * *", 100, 0},
		{"5 * * * *", 100, 0},
		{"0 * * * 1", 100, 0},
		{"*/0 * * * *", 100, 0},
		{"@hourly", 100, 0},
	} {
		s := escu.Schedule{Cron: tt.cron}
		seen := map[time.Duration]bool{}
		for i := range 500 {
			id := fmt.Sprint("detection ", i)
			skew := s.Skew(id, tt.percent)
			if skew != s.Skew(id, tt.percent) || skew < 0 || skew > 0 && skew >= tt.most || skew%time.Minute != 0 {
				t.Fatalf("%s by %d: %s", tt.cron, tt.percent, skew)
			}
			seen[skew] = true
		}
		if want := max(1, min(int(tt.most/time.Minute), 100)); len(seen) < want*9/10 {
			t.Errorf("%s by %d: %d different", tt.cron, tt.percent, len(seen))
		}
	}
}
