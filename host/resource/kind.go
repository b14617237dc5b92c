package resource

import (
	"encoding/json"
	"slices"
	"strings"
)

// group is the API group of every resource.
const group = "dapr.io"

// documentKind is a kind of resource that a --resources-path folder may hold.
type documentKind struct {
	name     string
	versions []string // of the API group
	unique   bool     // two of one name are an error; Dapr merges Resiliency documents
}

var documentKinds = []documentKind{
	{"Component", []string{"v1alpha1"}, true},
	{"Configuration", []string{"v1alpha1"}, false},
	{"Subscription", []string{"v1alpha1", "v2alpha1"}, true},
	{"Resiliency", []string{"v1alpha1"}, false},
	{"HTTPEndpoint", []string{"v1alpha1"}, true},
	{"MCPServer", []string{"v1alpha1"}, true},
	{"WorkflowAccessPolicy", []string{"v1alpha1"}, true},
}

// Raw is a resource of another kind than Component, as JSON for whoever uses it.
type Raw struct {
	APIVersion  string          `json:"apiVersion"` // dapr.io/v2alpha1
	Kind        string          `json:"kind"`
	Name        string          `json:"name,omitempty"`
	Namespace   string          `json:"namespace,omitempty"`
	Scopes      []string        `json:"scopes,omitempty"`
	SecretStore string          `json:"secretStore,omitempty"`
	Body        json.RawMessage `json:"body"` // the whole document
	File        string          `json:"file"`
	Line        int             `json:"line"`
}

// classify finds the kind of a document. note says why there is none; suspect is
// the problem when the document looks as if it was meant for us.
func classify(root *node) (kind *documentKind, apiVersion, note string, suspect *Problem) {
	text := func(key string) (string, place) {
		n := root.find(key, true)
		if n == nil || n.shape != scalarShape {
			return "", place{root.line, root.column}
		}
		return scalarString(n.scalar), place{n.line, n.column}
	}
	apiVersion, versionAt := text("apiVersion")
	name, nameAt := text("kind")
	called := "of apiVersion " + quote(apiVersion)
	if apiVersion == "" {
		called = "without apiVersion"
	}
	i := slices.IndexFunc(documentKinds, func(k documentKind) bool { return k.name == name })
	grp, version, _ := strings.Cut(apiVersion, "/")
	if grp != group {
		note = "not a dapr.io resource"
		// Other projects have a Component and a Subscription too, in groups of their own.
		ours := apiVersion == "" || grp == "dapr" || nearest(grp, []string{group}) != "" ||
			!strings.Contains(apiVersion, "/") && strings.Contains(apiVersion, "alpha")
		if i >= 0 && ours {
			suspect = &Problem{Line: versionAt.line, Column: versionAt.column, Field: "apiVersion", Code: CodeUnknownKind,
				Message: "a " + name + " " + called + " is not read",
				Hint:    "write apiVersion: " + group + "/" + documentKinds[i].versions[0]}
		}
		return nil, apiVersion, note, suspect
	}
	if i < 0 {
		names := make([]string, len(documentKinds))
		for j, k := range documentKinds {
			names[j] = k.name
		}
		message := "kind " + quote(name) + " is not known and not read"
		if name == "" {
			message = "a resource without kind is not read"
		}
		suspect = &Problem{Line: nameAt.line, Column: nameAt.column, Field: "kind", Code: CodeUnknownKind,
			Message: message, Hint: didYouMean(name, names)}
		return nil, apiVersion, "unknown kind", suspect
	}
	if k := &documentKinds[i]; !slices.Contains(k.versions, version) {
		suspect = &Problem{Line: versionAt.line, Column: versionAt.column, Field: "apiVersion", Code: CodeUnknownKind,
			Message: "a " + name + " " + called + " is not read",
			Hint:    "write apiVersion: " + group + "/" + k.versions[len(k.versions)-1]}
		return nil, apiVersion, "unknown apiVersion", suspect
	}
	return &documentKinds[i], apiVersion, "", nil
}

// objectMeta is the metadata of every resource: that of Kubernetes objects, since
// files exported from a cluster are read too. Only name and namespace have a use.
type objectMeta struct {
	Name                       string            `json:"name"`
	Namespace                  string            `json:"namespace"`
	Labels                     map[string]string `json:"labels"`
	Annotations                map[string]string `json:"annotations"`
	GenerateName               string            `json:"generateName"`
	SelfLink                   any               `json:"selfLink"`
	UID                        any               `json:"uid"`
	ResourceVersion            any               `json:"resourceVersion"`
	Generation                 any               `json:"generation"`
	CreationTimestamp          any               `json:"creationTimestamp"`
	DeletionTimestamp          any               `json:"deletionTimestamp"`
	DeletionGracePeriodSeconds any               `json:"deletionGracePeriodSeconds"`
	OwnerReferences            any               `json:"ownerReferences"`
	Finalizers                 any               `json:"finalizers"`
	ManagedFields              any               `json:"managedFields"`
}

type authDoc struct {
	SecretStore string `json:"secretStore"`
}

// rawDoc is what all kinds have in common.
type rawDoc struct {
	APIVersion string     `json:"apiVersion"`
	Kind       string     `json:"kind"`
	Metadata   objectMeta `json:"metadata"`
	Spec       any        `json:"spec"`
	Auth       authDoc    `json:"auth"`
	Scopes     []string   `json:"scopes"`
}

func (d *decoder) raw(root *node) *Raw {
	var doc rawDoc
	d.run(root, &doc)
	r := &Raw{
		APIVersion: doc.APIVersion, Kind: doc.Kind, Name: doc.Metadata.Name, Namespace: doc.Metadata.Namespace,
		Scopes: doc.Scopes, SecretStore: doc.Auth.SecretStore, File: d.file, Line: root.line,
	}
	budget := maxValues
	body, err := root.value(&budget)
	if err != nil {
		d.report(CodeBadValue, "", err.Error(), "")
		return r
	}
	r.Body = json.RawMessage(jsonString(body))
	d.checkName(r.Name, false)
	return r
}

// checkName applies the rule of Kubernetes for names that are part of a URL path.
func (d *decoder) checkName(name string, required bool) {
	switch {
	case name == "" && required:
		d.missing("metadata.name")
	case name == "." || name == ".." || strings.ContainsAny(name, "/%"):
		d.report(CodeBadName, "metadata.name", quote(name)+" cannot be part of a URL path", `a name is not "." or ".." and has no "/" or "%"`)
	}
}
