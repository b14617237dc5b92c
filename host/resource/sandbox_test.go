package resource

import (
	"reflect"
	"testing"
)

// Every field of Sandbox has a key, and every example in the table is one that works.
func TestSandboxTable(t *testing.T) {
	var s Sandbox
	for _, k := range sandboxKeys {
		if findSandboxKey(k.name) == nil || k.doc == "" || k.value == "" || k.standard == "" {
			t.Errorf("%s: incomplete", k.name)
		}
		if err := k.read(&s, k.example); err != nil {
			t.Errorf("%s: example %q: %v", k.name, k.example, err)
		}
	}
	v := reflect.ValueOf(s)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("no key sets %s", v.Type().Field(i).Name)
		}
	}
}
