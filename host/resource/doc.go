// Package resource reads the files an operator writes: components and the other
// dapr.io resources of a --resources-path folder, and the configuration of
// --config. It reads them as Dapr's standalone mode does, so a folder that works
// there works here, and says everything that is wrong with them at once.
//
//	set, problems := resource.Load(resource.Options{Paths: paths, AppID: "checkout"})
//	problems.WriteText(os.Stderr)
//	if len(problems.Fatal()) > 0 { return problems.Err() }
//	for _, c := range resource.InitOrder(set.Components) {
//		problems = append(problems, c.Check(schema)...)                 // against the plugin's manifest
//		props, more := c.Properties(ctx, resource.Resolution{Secrets: stores})
//		problems = append(problems, append(more, c.CheckResolved(schema, props)...)...)
//	}
//
// Two rules decide how bad a problem is. What Dapr refuses, and what cannot work,
// is an error. What Dapr reads in silence but cannot have been meant (a key that
// nobody knows, a boolean spelt wrong) is a warning, and an error in strict mode;
// a document that strict mode accepts has the same values in lax mode. The keys
// below "wasm." are Berth's own and grant access to the machine: a mistake there
// is always an error.
//
// No value that is sensitive, comes from a secret store or comes from the
// environment is ever part of a problem.
//
// The package does not find plugins, open secret stores or watch files.
package resource
