package page

import (
	"fmt"
	"math"
	"strings"
	"time"

	"tocsin/cmd/runner/internal/api"
)

// The pictures are SVG without a view box: places across are in percent, so that a picture has the width of the page and its lines
// and texts keep their size.

// whole is a hundred percent.
const whole = 100.0

// bar is a part of a picture.
type bar struct {
	X, Y, W, H float64
	Class      string
	// Text says what it is, for people that point at it.
	Text string
}

// mark is a text at a place of an axis.
type mark struct {
	X    float64
	Text string
}

// alertChart is a picture of alerts over time, and the same as rows of a table.
type alertChart struct {
	Bars   []bar
	Marks  []mark
	Height float64
	Total  int
	Most   int
	// Text is the picture in words.
	Text string
	Rows []alertChartRow
	// Severities are the columns of the rows.
	Severities []string
}

type alertChartRow struct {
	From   time.Time
	Counts []int
}

// chartHeight is the height of the bars.
const chartHeight = 120

// newAlertChart makes a picture with a bar for each part of the time, in which severities lie one upon the other, the worst at the bottom.
func newAlertChart(c api.AlertCounts) alertChart {
	out := alertChart{Height: chartHeight, Severities: api.Severities}
	sums, peak := make([]int, len(c.Parts)), 0
	for i, part := range c.Parts {
		for _, n := range part.BySeverity {
			sums[i] += n
		}
		out.Total += sums[i]
		if sums[i] > sums[peak] {
			peak = i
		}
		out.Most = max(out.Most, sums[i])
	}
	if len(c.Parts) == 0 {
		return out
	}
	wide := whole / float64(len(c.Parts))
	step := time.Duration(c.Step * float64(time.Second))
	for i, part := range c.Parts {
		at, top := float64(i)*wide, float64(chartHeight)
		row := alertChartRow{From: part.From}
		known := 0
		draw := func(severity string, n int) {
			if n == 0 {
				return
			}
			h := math.Max(2, float64(n)*(chartHeight-4)/float64(out.Most))
			h = math.Min(h, top)
			top -= h
			out.Bars = append(out.Bars, bar{
				X: at + wide/10, W: wide * 8 / 10, Y: top, H: h, Class: "s-" + severity,
				Text: fmt.Sprintf("%s to %s: %d %s", clock(part.From), clock(part.From.Add(step)), n, severity),
			})
		}
		for _, s := range api.Severities {
			n := part.BySeverity[s]
			known += n
			row.Counts = append(row.Counts, n)
			draw(s, n)
		}
		draw("other", sums[i]-known)
		if sums[i] > 0 {
			out.Rows = append(out.Rows, row)
		}
	}
	out.Marks = marksOf(c.From, c.To)
	out.Text = fmt.Sprintf("%d alerts from %s to %s, %d at most in %s, at %s", out.Total, stamp(c.From), stamp(c.To), out.Most, brief(step), clock(c.Parts[peak].From))
	if out.Total == 0 {
		out.Text = fmt.Sprintf("no alerts from %s to %s", stamp(c.From), stamp(c.To))
	}
	return out
}

// marksOf returns the full hours at which a day, or another time, is marked.
func marksOf(from, to time.Time) []mark {
	length := to.Sub(from)
	if length <= 0 {
		return nil
	}
	every := 6 * time.Hour
	for length/every > 8 {
		every *= 2
	}
	for length/every < 2 && every > time.Minute {
		every /= 2
	}
	var out []mark
	for t := from.Truncate(every).Add(every); t.Before(to); t = t.Add(every) {
		x := whole * float64(t.Sub(from)) / float64(length)
		if x > 3 && x < 97 { // a text at the edge would stand out of the picture
			out = append(out, mark{x, clock(t)})
		}
	}
	return out
}

// heatClasses are the looks of the characters of a heat map, and heatNames what they mean.
var (
	heatClasses = map[rune]string{'█': "h-covered", '▄': "h-partly", '·': "h-open", '×': "h-failed", '+': "h-left", '-': "h-given", '○': "h-vacant"}
	heatNames   = map[rune]string{'█': "covered", '▄': "covered in part", '·': "not run", '×': "failed", '+': "hits left", '-': "given up", '○': "no index"}
	heatOrder   = []rune("█▄·×+-○")
)

// legend is what the looks of a heat map mean.
type legend struct{ Class, Text string }

func legends() []legend {
	out := make([]legend, len(heatOrder))
	for i, c := range heatOrder {
		out[i] = legend{heatClasses[c], heatNames[c]}
	}
	return out
}

// strip is the heat map of a rule. Neighbours that look the same are one bar.
type strip struct {
	Bars []bar
	Text string
}

func newStrip(heat string) strip {
	cells := []rune(heat)
	if len(cells) == 0 {
		return strip{Text: "no slots"}
	}
	wide := whole / float64(len(cells))
	var out strip
	counts := map[rune]int{}
	for i := 0; i < len(cells); {
		n := 1
		for i+n < len(cells) && cells[i+n] == cells[i] {
			n++
		}
		if class := heatClasses[cells[i]]; class != "" {
			out.Bars = append(out.Bars, bar{X: float64(i) * wide, W: float64(n) * wide, Class: class})
			counts[cells[i]] += n
		}
		i += n
	}
	var words []string
	for _, c := range heatOrder {
		if counts[c] > 0 {
			words = append(words, fmt.Sprintf("%s %d%%", heatNames[c], int(math.Round(whole*float64(counts[c])/float64(len(cells))))))
		}
	}
	out.Text = strings.Join(words, ", ")
	if len(words) == 0 {
		out.Text = "no slots"
	}
	return out
}

// sumStrip is the coverage of all rules over time: how much of each part of it is covered.
type sumStrip struct {
	Bars   []bar
	Marks  []mark
	Height float64
	Text   string
	Counts api.Counts
}

// sumHeight is the height of the picture.
const sumHeight = 72

func newSumStrip(c api.Coverage) sumStrip {
	out := sumStrip{Height: sumHeight, Marks: marksOf(c.From, c.To)}
	if len(c.Sums) == 0 {
		return out
	}
	wide := whole / float64(len(c.Sums))
	for i, s := range c.Sums {
		out.Counts.Add(s.Counts)
		all, top := s.All(), 0.0
		draw := func(n int, h float64, look rune) {
			if n == 0 {
				return
			}
			out.Bars = append(out.Bars, bar{
				X: float64(i)*wide + wide/12, W: wide * 10 / 12, Y: top, H: h, Class: heatClasses[look], Text: fmt.Sprintf("%s: %s of %s slots %s", clock(s.From), number(n), number(all), heatNames[look]),
			})
			top += h
		}
		// A single failed slot among thousands must be seen: what is not covered has a least height, and what is covered has the rest.
		for _, part := range []struct {
			n    int
			look rune
		}{{s.Failed, '×'}, {s.Queued, '+'}, {s.Planned, '·'}, {s.GivenUp, '-'}, {s.Vacant, '○'}} {
			if part.n > 0 {
				draw(part.n, math.Min(sumHeight-top, math.Max(4, float64(part.n)*sumHeight/float64(all))), part.look)
			}
		}
		draw(s.Covered, sumHeight-top, '█')
	}
	out.Text = fmt.Sprintf("%s of %s slots covered, %s open, of which %s failed, %s given up, %s without an index",
		number(out.Counts.Covered), number(out.Counts.All()), number(out.Counts.Open()), number(out.Counts.Failed), number(out.Counts.GivenUp), number(out.Counts.Vacant))
	return out
}

// timeline is a picture of events in their order.
type timeline struct {
	Points []point
	Text   string
	Span   string
}

type point struct {
	X     float64
	N     int
	Title string
	Time  *time.Time
	// After is how long after the event before.
	After string
}

// newTimeline places events by their times, and so that their numbers do not lie upon each other.
func newTimeline(events []api.Event) timeline {
	var out timeline
	var first, last time.Time
	for _, e := range events {
		if e.Time == nil {
			continue
		}
		if first.IsZero() || e.Time.Before(first) {
			first = *e.Time
		}
		if e.Time.After(last) {
			last = *e.Time
		}
	}
	if len(events) < 2 || first.IsZero() {
		return out
	}
	const edge = 4.0
	span := last.Sub(first)
	var before *time.Time
	for i, e := range events {
		p := point{X: whole / 2, N: i + 1, Title: e.Title, Time: e.Time}
		if e.Time != nil && span > 0 {
			p.X = edge + (whole-2*edge)*float64(e.Time.Sub(first))/float64(span)
		}
		if e.Time != nil && before != nil {
			p.After = brief(e.Time.Sub(*before))
		}
		if e.Time != nil {
			before = e.Time
		}
		out.Points = append(out.Points, p)
	}
	spread(out.Points, edge)
	out.Span = brief(span)
	out.Text = fmt.Sprintf("%d events within %s", len(events), out.Span)
	return out
}

// spread moves points apart that lie upon each other, as far as there is room.
func spread(points []point, edge float64) {
	gap := math.Min(7, (whole-2*edge)/float64(len(points)))
	for i := 1; i < len(points); i++ {
		points[i].X = math.Max(points[i].X, points[i-1].X+gap)
	}
	most := whole - edge
	for i := len(points) - 1; i >= 0; i-- {
		points[i].X = math.Min(points[i].X, most)
		most = points[i].X - gap
	}
}
