package main

import (
	"io"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// bars holds the progress bars of one invocation. Bars are shown on a terminal only.
type bars struct {
	w io.Writer

	mu   sync.Mutex
	all  *mpb.Progress // nil while no bar is shown
	open int
}

// bar is a progress bar. The zero value shows nothing.
type bar struct {
	of  *bars
	bar *mpb.Bar
}

// add shows a bar that counts to total; a total below 2 has no bar.
func (b *bars) add(what string, total int64, more ...decor.Decorator) bar {
	return b.show(total, 2, []decor.Decorator{decor.Name(what + " "), decor.CountersNoUnit("%d/%d")}, more)
}

// worthWhile is the smallest size in bytes for which reading shows a bar.
const worthWhile = 32 << 20

// reading shows a bar for reading size bytes. advance adds bytes, end removes the bar.
func (b *bars) reading(what string, size int64) (advance func(n int64), end func()) {
	one := b.show(size, worthWhile, []decor.Decorator{decor.Name(what + " "), decor.CountersKibiByte("% .1f / % .1f")}, []decor.Decorator{
		decor.AverageSpeed(decor.SizeB1024(0), " % .1f"),
	})
	return one.advance, one.finish
}

func (b *bars) show(total, least int64, before, after []decor.Decorator) bar {
	if total < least || !isTerminal(b.w) {
		return bar{}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all == nil {
		b.all = mpb.New(mpb.WithOutput(b.w), mpb.WithWidth(48))
	}
	b.open++
	if len(after) == 0 {
		after = []decor.Decorator{decor.Name(" "), decor.Elapsed(decor.ET_STYLE_GO)}
	}
	return bar{b, b.all.AddBar(total, mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(before...), mpb.AppendDecorators(append([]decor.Decorator{decor.Percentage()}, after...)...))}
}

func (b bar) shown() bool { return b.bar != nil }

func (b bar) step() { b.advance(1) }

func (b bar) advance(n int64) {
	if b.bar != nil {
		b.bar.IncrInt64(n)
	}
}

// reach sets the number of finished steps.
func (b bar) reach(n int64) {
	if b.bar != nil {
		b.bar.SetCurrent(n)
	}
}

// finish removes the bar.
func (b bar) finish() {
	if b.bar == nil {
		return
	}
	b.bar.Abort(true)
	b.of.mu.Lock()
	defer b.of.mu.Unlock()
	if b.of.open--; b.of.open == 0 {
		b.of.all.Wait()
		b.of.all = nil
	}
}
