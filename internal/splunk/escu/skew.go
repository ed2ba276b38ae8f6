package escu

import (
	"hash/fnv"
	"strconv"
	"strings"
	"time"
)

// Skew returns how much later than its cron expression the slots of a detection are, so that not all detections
// are due at the full hour: Splunk's allow_skew. It is a stable fraction of the given percentage of the period, in
// whole minutes, as windows snap to minutes. It is 0 for expressions that Splunk does not skew: all except every N
// minutes or hours, and midnight.
func (s Schedule) Skew(id string, percent int) time.Duration {
	most := int64(skewable(s.Cron)/time.Minute) * int64(percent) / 100
	if most <= 0 {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	return time.Duration(h.Sum64()%uint64(most)) * time.Minute
}

// skewable returns the period of an expression that can be skewed.
func skewable(cron string) time.Duration {
	f := strings.Fields(cron)
	if len(f) != 5 || f[2] != "*" || f[3] != "*" || f[4] != "*" {
		return 0
	}
	switch minute, hour := f[0], f[1]; {
	case hour == "*" && minute == "*":
		return time.Minute
	case hour == "*" && minute == "0":
		return time.Hour
	case hour == "*":
		return every(minute, 60, time.Minute)
	case minute == "0" && hour == "0":
		return 24 * time.Hour
	case minute == "0":
		return every(hour, 24, time.Hour)
	}
	return 0
}

// every parses */N. If N does not divide the range, the last interval is shorter, and limits the skew.
func every(field string, whole int, unit time.Duration) time.Duration {
	text, ok := strings.CutPrefix(field, "*/")
	n, err := strconv.Atoi(text)
	if !ok || err != nil || n <= 0 || n > whole {
		return 0
	}
	if rest := whole % n; rest > 0 {
		n = rest
	}
	return time.Duration(n) * unit
}
