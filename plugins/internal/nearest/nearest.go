// Package nearest finds the name that a misspelt one most likely means, for
// error messages. It compares a handful of short names; it is no search.
//
//	if s, ok := nearest.To("TRANSACTONAL", features); ok { hint = "did you mean " + s + "?" }
package nearest

import "strings"

// longest is how many bytes a name that a person wrote may have.
const longest = 64

// To returns the candidate closest to name, if one is close enough to be meant:
// a third of the name's letters may differ, case apart. The first of equals
// wins. The lists may be hostile ones: it looks at names of at most 64 bytes,
// and at the first thousand of them.
func To(name string, candidates []string) (string, bool) {
	const most = 1000
	candidates = candidates[:min(most, len(candidates))]
	if len(name) > longest {
		return "", false
	}
	want := []rune(strings.ToLower(name))
	best, found := max(1, len(want)/3)+1, ""
	for _, c := range candidates {
		if len(c) > longest {
			continue
		}
		have := []rune(strings.ToLower(c))
		if max(len(have)-len(want), len(want)-len(have)) >= best {
			continue
		}
		if d := distance(want, have); d < best {
			best, found = d, c
		}
	}
	return found, found != ""
}

// distance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b (optimal string alignment). Lower case may take
// more bytes than the name did, but never more runes.
func distance(a, b []rune) int {
	var rows [3][longest + 1]int
	before, last, row := rows[0][:len(b)+1], rows[1][:len(b)+1], rows[2][:len(b)+1]
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, before
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
