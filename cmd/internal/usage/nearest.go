package usage

import "strings"

// Nearest returns the known name that is closest to one that is not known, or else the shortest that begins with it; nothing
// if there is none.
func Nearest(name string, known []string) string {
	best, least := "", len(name)/3+1
	for _, k := range known {
		if d := distance(name, k); d < least {
			best, least = k, d
		}
	}
	if best == "" {
		best = shortest(name, known)
	}
	return best
}

// leastBeginning is how many bytes of a name tell what is meant.
const leastBeginning = 3

// shortest returns the shortest known name that begins with the given text.
func shortest(beginning string, known []string) (best string) {
	for _, k := range known {
		if len(beginning) >= leastBeginning && strings.HasPrefix(k, beginning) && (best == "" || len(k) < len(best)) {
			best = k
		}
	}
	return best
}

// distance returns the distance of Damerau and Levenshtein, restricted: how many insertions, deletions, substitutions and
// swaps of neighbouring bytes turn a into b.
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1) // rows of the table
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			substitution := last[j]
			if a[i] != b[j] {
				substitution++
			}
			row[j+1] = min(substitution, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
