package diag

// maxDistance is the number of letters that may differ between a word and the nearest one.
const maxDistance = 3

// Nearest returns the other known word that a misspelt one most likely stands for, "" when none is near:
// a third of its letters, at most three, may differ. Of equally near words, the alphabetically
// first wins.
func Nearest(word string, known []string) string {
	best, bound := "", min(maxDistance, max(1, len(word)/3))+1
	for _, candidate := range known {
		if candidate == word {
			continue
		}
		// One that is as near as the best so far counts if it stands before it.
		within := bound
		if best != "" && candidate < best {
			within++
		}
		if d := distance(word, candidate, within); d < within {
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
	var room [3 * 64]int // for most names, without an allocation
	rows, n := room[:], len(b)+1
	if 3*n > len(rows) {
		rows = make([]int, 3*n)
	}
	before, last, row := rows[:n], rows[n:2*n], rows[2*n:3*n]
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, before
		row[0] = i + 1
		least := row[0]
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
			least = min(least, row[j+1])
		}
		if least > bound { // the next row may follow from the one before, by a swap
			return bound
		}
	}
	return row[len(b)]
}
