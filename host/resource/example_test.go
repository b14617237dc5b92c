package resource_test

import (
	"fmt"

	"github.com/berth-run/berth/host/resource"
)

func Example() {
	text := `apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: statestore
spec:
  type: state.redis
  verison: v1
  metadata:
  - name: redisHots
    value: localhost:6379
`
	set, problems := resource.Parse("statestore.yaml", []byte(text), resource.Options{AppID: "checkout"})
	schema := resource.Schema{Fields: []resource.Field{{Name: "redisHost", Required: true}}}
	for _, c := range resource.InitOrder(set.Components) {
		problems = append(problems, c.Check(schema)...)
	}
	for _, p := range problems.Sort() {
		fmt.Printf("%s %s %s: %s\n", p.Severity, p.Code, p.Field, p.Message)
	}
	// Output:
	// warning BERTH_RES_UNKNOWN_KEY spec.verison: "verison" is not a known key here and has no effect
	// error BERTH_RES_MISSING_FIELD spec.metadata[redisHost]: required field is missing
	// warning BERTH_RES_UNKNOWN_FIELD spec.metadata[redisHots]: state.redis has no metadata field "redisHots"
}
