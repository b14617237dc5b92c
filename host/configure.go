package host

import (
	"github.com/berth-run/berth/host/resource"
	"github.com/berth-run/berth/host/runtime"
)

// codeUnsupported is a setting that would leave the sidecar less protected
// than its operator believes, if it were passed over.
const codeUnsupported resource.Code = "BERTH_START_UNSUPPORTED"

// configure reads the Configuration files.
func (s *Sidecar) configure() error {
	config, problems := resource.LoadConfiguration(resource.ConfigOptions{
		Paths: s.opts.ConfigPaths, Strict: s.opts.Strict, LookupEnv: s.opts.LookupEnv,
	})
	s.config = config
	// Requests must not run past a middleware that was asked for.
	for _, p := range []struct {
		field    string
		handlers []resource.Handler
	}{
		{"spec.httpPipeline", config.Spec.HTTPPipeline.Handlers},
		{"spec.appHttpPipeline", config.Spec.AppHTTPPipeline.Handlers},
	} {
		if len(p.handlers) > 0 {
			problems = append(problems, resource.Problem{
				File: last(s.opts.ConfigPaths), Resource: "Configuration/" + config.Name, Field: p.field, Severity: resource.Error, Code: codeUnsupported,
				Message: "middleware is not supported by this version, and requests must not pass without it", Hint: "remove " + p.field,
			})
		}
	}
	for _, p := range problems {
		if p.Severity != resource.Error {
			s.log.Warn(p.Message, "code", string(p.Code), "file", p.File, "line", p.Line, "field", p.Field)
		}
	}
	if errs := problems.Errors(); len(errs) > 0 {
		return &runtime.StartError{Problems: errs}
	}
	return nil
}

func last(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[len(s)-1]
}
