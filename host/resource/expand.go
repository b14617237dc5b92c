package resource

import (
	"os"
	"slices"
	"strings"
)

// expanded is a text with its environment variables filled in.
type expanded struct {
	text   string
	values []string // what was filled in, for hiding it
	unset  []unset
}

// unset is a variable that the text names and the environment does not have.
type unset struct {
	name string
	line int
}

// expand fills in $NAME and ${NAME} as os.ExpandEnv does, which is what Dapr calls.
// It takes a "$1" of a regular expression for a variable too; that is why names
// that are not set are reported.
func expand(text string, lookup LookupEnv) expanded {
	var e expanded
	e.text = os.Expand(text, func(name string) string {
		v, ok := lookup(name)
		switch {
		case !ok:
			if !slices.ContainsFunc(e.unset, func(u unset) bool { return u.name == name }) {
				e.unset = append(e.unset, unset{name, lineOf(text, name)})
			}
		case v != "" && !slices.Contains(e.values, v):
			e.values = append(e.values, v)
		}
		return v
	})
	return e
}

// lineOf finds the first line where a text refers to a variable.
func lineOf(text, name string) int {
	at := -1
	for _, form := range []string{"${" + name + "}", "$" + name} {
		if i := strings.Index(text, form); i >= 0 && (at < 0 || i < at) {
			at = i
		}
	}
	if at < 0 {
		return 0
	}
	return strings.Count(text[:at], "\n") + 1
}
