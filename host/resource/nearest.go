package resource

import "strings"

// nearest returns the candidate that s was most likely meant to be, or "" when
// none is near: at most a third of the letters wrong, upper and lower case aside.
func nearest(s string, candidates []string) string {
	best, bestDistance := "", 0
	low := []rune(strings.ToLower(s))
	if len(low) == 0 || len(low) > 100 {
		return ""
	}
	for _, c := range candidates {
		d := distance(low, []rune(strings.ToLower(c)))
		if d <= max(1, min(len(low), len(c))/3) && (best == "" || d < bestDistance) {
			best, bestDistance = c, d
		}
	}
	return best
}

// didYouMean is the hint for an unknown name.
func didYouMean(s string, candidates []string) string {
	if n := nearest(s, candidates); n != "" {
		return "did you mean " + n + "?"
	}
	return ""
}

// distance counts inserted, deleted, changed and swapped letters
// (optimal string alignment).
func distance(a, b []rune) int {
	before, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev, cur = prev, cur, before
	}
	return prev[len(b)]
}
