package resource

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Options says which resources to read and for whom.
type Options struct {
	Paths        []string // folders, read in this order and not their subfolders
	AppID        string   // resources scoped to other apps are left out
	AllScopes    bool     // read the resources of every app and namespace, for linters
	Strict       bool     // what Dapr ignores is an error
	LookupEnv    LookupEnv
	SecretStores []string // secret stores that exist without a file
}

// Set is what was read. A component or resource with an error is not part of it.
type Set struct {
	Components []*Component // in the order of the files
	Others     []*Raw
	Notes      []Note // what was left out and why, for the debug log
}

// Note says why something was left out.
type Note struct {
	File    string
	Line    int
	Message string
}

// Load reads every .yaml and .yml file of the folders.
func Load(o Options) (*Set, Problems) {
	l := loading{Options: o}
	for _, dir := range o.Paths {
		l.folder(dir)
	}
	return l.finish()
}

// Parse reads one file that is already in memory.
func Parse(file string, data []byte, o Options) (*Set, Problems) {
	l := loading{Options: o}
	l.file(file, data)
	return l.finish()
}

// loading collects the documents of one run.
type loading struct {
	Options
	notes    []Note
	problems Problems // of files; those of resources are with them
	loaded   []*loaded
}

// loaded is one resource with its problems.
type loaded struct {
	file      string
	resource  string // kind/name
	component *Component
	raw       *Raw
	unique    bool
	outside   string // why it is not for this sidecar; "" = it is
	problems  Problems
}

func (l *loading) note(file string, line int, format string, args ...any) {
	l.notes = append(l.notes, Note{file, line, fmt.Sprintf(format, args...)})
}

func (l *loading) readError(path string, err error) {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err // the path is the problem's file
	}
	l.problems = append(l.problems, Problem{
		File: path, Severity: CodeRead.severity(false), Code: CodeRead, Message: "cannot read: " + err.Error()})
}

func (l *loading) folder(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		l.readError(dir, err)
		return
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		// Stat follows links: a mounted ConfigMap is a folder of them.
		info, err := os.Stat(path)
		if ext := strings.ToLower(filepath.Ext(e.Name())); ext != ".yaml" && ext != ".yml" {
			if err == nil && !info.IsDir() {
				l.note(path, 0, "not a .yaml or .yml file")
			}
			continue
		}
		switch {
		case err != nil:
			l.readError(path, err)
		case info.IsDir():
		case !info.Mode().IsRegular():
			l.note(path, 0, "not a regular file") // reading a pipe would wait for ever
		default:
			data, err := os.ReadFile(path)
			if err != nil {
				l.readError(path, err)
				continue
			}
			l.file(path, data)
		}
	}
}

func (l *loading) file(path string, data []byte) {
	for _, d := range split(data) {
		l.document(path, d)
	}
}

func (l *loading) document(path string, text document) {
	var r reader
	root, err := r.read(text)
	if err != nil {
		l.problems = append(l.problems, syntaxProblem(path, err))
		return
	}
	if root == nil || root.shape == scalarShape && root.scalar == nil {
		return // nothing but comments
	}
	kind, apiVersion, why, suspect := (*documentKind)(nil), "", "not a mapping", (*Problem)(nil)
	if root.shape == mapShape {
		kind, apiVersion, why, suspect = classify(root)
	}
	if suspect != nil {
		suspect.File, suspect.Severity = path, suspect.Code.severity(false)
		l.problems = append(l.problems, *suspect)
	}
	if kind == nil {
		l.note(path, root.line, "%s", why)
		return
	}
	d := &decoder{file: path, resource: kind.name, fold: true}
	this := &loaded{file: path, unique: kind.unique}
	if kind.name == "Component" {
		this.component = d.component(root)
		this.outside = l.outside(this.component.Namespace, this.component.Scopes)
	} else {
		this.raw = d.raw(root)
		this.raw.Kind, this.raw.APIVersion = kind.name, apiVersion
		this.outside = l.outside(this.raw.Namespace, this.raw.Scopes)
		if this.raw.Name != "" {
			d.resource = kind.name + "/" + printable(this.raw.Name)
		}
		for i := range d.problems {
			d.problems[i].Resource = d.resource
		}
	}
	if d.unsureWhose() {
		this.outside = ""
	}
	r.report(d)
	this.resource, this.problems = d.resource, d.problems
	if this.outside != "" {
		l.note(path, root.line, "%s: %s", d.resource, this.outside)
	}
	l.loaded = append(l.loaded, this)
}

func syntaxProblem(path string, err error) Problem {
	p := Problem{File: path, Severity: CodeSyntax.severity(false), Code: CodeSyntax, Message: err.Error()}
	var se *syntaxError
	if errors.As(err, &se) {
		p.Line, p.Column = se.line, se.column
	}
	return p
}

// unsureWhose reports whether the scopes or the namespace could not be read, so
// that nobody knows for which sidecar the resource is.
func (d *decoder) unsureWhose() bool {
	for _, p := range d.problems {
		if p.Severity == Error && (p.Field == "metadata" || p.Field == "metadata.namespace" ||
			p.Field == "scopes" || strings.HasPrefix(p.Field, "scopes[")) {
			return true
		}
	}
	return false
}

// report adds what the reader noticed in a document that turned out to be ours.
func (r *reader) report(d *decoder) {
	for _, e := range r.repeated {
		d.reportAt(place{e.line, e.column}, CodeDuplicateKey, "", e.shown()+" appears twice in one mapping; this one counts", "")
	}
	if r.unread > 0 {
		d.reportAt(place{r.unread, 1}, CodeIgnoredText, "", `what follows "..." is not read`, `start the next document with "---"`)
	}
}

// outside says why a resource is not for this sidecar. The namespace counts only
// when the sidecar has one, as in Dapr.
func (l *loading) outside(namespace string, scopes []string) string {
	own := l.LookupEnv.orSystem().get("NAMESPACE")
	switch {
	case l.AllScopes:
	case own != "" && namespace != "" && namespace != own:
		return "in namespace " + printable(namespace)
	case !inScope(scopes, l.AppID):
		return "scoped to other apps"
	}
	return ""
}

// finish checks the resources against each other.
func (l *loading) finish() (*Set, Problems) {
	l.duplicates()
	l.secretStores()
	set := &Set{Notes: l.notes}
	problems := l.problems
	if l.Strict {
		problems = problems.Strict()
	}
	for _, r := range l.loaded {
		if l.Strict {
			r.problems = r.problems.Strict()
		}
		broken := len(r.problems.Errors()) > 0
		// What is outside may be broken: it is another sidecar's.
		if r.outside != "" {
			continue
		}
		if c := r.component; c != nil {
			for i := range r.problems {
				r.problems[i].Ignorable = c.IgnoreErrors
			}
			if !broken {
				set.Components = append(set.Components, c)
			}
		} else if !broken {
			set.Others = append(set.Others, r.raw)
		}
		problems = append(problems, r.problems...)
	}
	return set, problems.Sort()
}

// duplicates reports resources of one kind with one name. The first one stands.
func (l *loading) duplicates() {
	type id struct{ apiVersion, kind, name string }
	first := map[id]*loaded{}
	for _, r := range l.loaded {
		k := id{kind: "Component"}
		at := place{}
		if r.component != nil {
			k.name = r.component.Name
			at = nearestPlace(r.component.places, "metadata.name")
		} else {
			k = id{r.raw.APIVersion, r.raw.Kind, r.raw.Name}
			at = place{r.raw.Line, 1}
		}
		if k.name == "" || !r.unique || r.outside != "" {
			continue
		}
		other, ok := first[k]
		if !ok {
			first[k] = r
			continue
		}
		where := other.file
		if c := other.component; c != nil {
			where += fmt.Sprintf(":%d", nearestPlace(c.places, "metadata.name").line)
		} else {
			where += fmt.Sprintf(":%d", other.raw.Line)
		}
		r.problems = append(r.problems, Problem{
			File: r.file, Line: at.line, Column: at.column, Resource: r.resource, Field: "metadata.name",
			Severity: CodeDuplicateName.severity(false), Code: CodeDuplicateName,
			Message: "the name is taken by the one at " + where})
	}
}
