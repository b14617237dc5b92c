package manifest

import _ "embed"

//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema of plugin.yaml, for editors and other tools.
// What it takes and Parse does not are rules over several values, such as names
// that may not repeat; what it refuses, Parse refuses too.
func Schema() []byte { return append([]byte(nil), schema...) }
