package diag

import "slices"

// Nearest returns the known word that a misspelt one most likely stands for, "" when none is near:
// a third of its letters, at most three, may differ. Of equally near words, the alphabetically
// first wins.
func Nearest(word string, known []string) string {
	best, bound := "", min(3, max(1, len(word)/3))+1
	for _, candidate := range slices.Sorted(slices.Values(known)) {
		if d := distance(word, candidate, bound); d < bound {
			best, bound = candidate, d
		}
	}
	return best
}

// distance returns the number of letters to insert, delete, replace or swap with the next one, up
// to bound.
func distance(a, b string, bound int) int {
	if len(a)-len(b) >= bound || len(b)-len(a) >= bound {
		return bound
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
