package runtime

import (
	"errors"
	"strings"

	"github.com/berth-run/berth/abi"
	"github.com/berth-run/berth/host/engine"
	"github.com/berth-run/berth/host/guest"
	"github.com/berth-run/berth/host/resource"
	"github.com/berth-run/berth/plugins"
)

// Codes of what goes wrong after the resources were read. Those of resources
// are in host/resource, those of plugins in plugins.
const (
	CodeKind    resource.Code = "BERTH_START_KIND"    // a building block that this version does not have
	CodeEngine  resource.Code = "BERTH_START_ENGINE"  // an engine that this build does not have
	CodeCompile resource.Code = "BERTH_START_COMPILE" // the engine does not take the module
	CodeInit    resource.Code = "BERTH_START_INIT"    // the component refused its metadata, or failed in Init
	CodeTimeout resource.Code = "BERTH_START_TIMEOUT" // Init took longer than spec.initTimeout
	CodeNeeds   resource.Code = "BERTH_START_NEEDS"   // a component that it needs did not start
)

// StartError holds every reason for which the sidecar does not start.
type StartError struct{ Problems resource.Problems }

// Error returns the table of the problems.
func (e *StartError) Error() string { return e.Problems.Err().Error() }

// problem makes one of a component.
func problem(c *resource.Component, code resource.Code, field, message, hint string) resource.Problem {
	return resource.Problem{
		File: c.File, Line: c.Line, Resource: "Component/" + c.Name, Field: field,
		Severity: resource.Error, Code: code, Message: message, Hint: hint, Ignorable: c.IgnoreErrors,
	}
}

// refusals are the problems that an error of package plugins stands for.
func refusals(c *resource.Component, err error) resource.Problems {
	var out resource.Problems
	for _, e := range plugins.All(err) {
		message := e.What
		if e.Where != "" {
			message = e.Where + ": " + message
		}
		hint := e.Hint
		if hint == "" && e.Code == plugins.NotFound {
			hint = "put its .wasm file into ~/.berth/plugins, or name its folder with --plugins-path"
		}
		out = append(out, problem(c, resource.Code(e.Code), "spec.type", message, hint))
	}
	return out
}

// failures are the problems that an error of guest.Load stands for.
func failures(c *resource.Component, err error) resource.Problems {
	var refused plugins.Errors
	var one *plugins.Error
	if errors.As(err, &refused) || errors.As(err, &one) {
		return refusals(c, err)
	}
	text := strings.TrimPrefix(err.Error(), "component "+c.Name+": ")
	var compile *engine.CompileError
	if errors.As(err, &compile) {
		return resource.Problems{problem(c, CodeCompile, "spec.type", compile.Err.Error(), "")}
	}
	var ge *guest.Error
	if !errors.As(err, &ge) {
		return resource.Problems{problem(c, CodeInit, "", text, "")}
	}
	if ge.Status == abi.DeadlineExceeded {
		return resource.Problems{problem(c, CodeTimeout, "spec.initTimeout",
			"it was not ready after "+c.InitTimeout.String(), "raise spec.initTimeout, or see why it takes so long")}
	}
	field := ""
	if ge.Field != "" {
		field = "spec.metadata[" + ge.Field + "]"
	}
	return resource.Problems{problem(c, CodeInit, field, ge.Message, "")}
}
