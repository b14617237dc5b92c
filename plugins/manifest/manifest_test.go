package manifest_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/berth-run/berth/abi/proto"
	"github.com/berth-run/berth/plugins"
	"github.com/berth-run/berth/plugins/manifest"
)

var update = flag.Bool("update", false, "write the golden files")

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func full(t testing.TB) *proto.Manifest {
	t.Helper()
	m, err := manifest.Parse("full.yaml", read(t, "full.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(filepath.Join("testdata", name), got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(read(t, name)), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestParse(t *testing.T) {
	want := &proto.Manifest{
		ABI: "1.0", Name: "acme-redis", Version: "1.4.2-rc.1+build.7", Vendor: "Acme Ltd",
		Description: "Stores state in Redis.\nOne key for each item.\n", License: "Apache-2.0",
		Homepage: "https://example.com/acme-redis?tab=state", Stability: "beta",
		Kinds: []proto.Kind{
			{Kind: "state", Type: "state.acme-redis", Aliases: []string{"state.acme-valkey"}, Versions: []string{"v1", "v2"}, Features: []string{"ETAG", "TRANSACTIONAL", "TTL"}},
			{Kind: "bindings.input", Type: "bindings.acme-redis", Versions: []string{"v1"}},
			{Kind: "bindings.output", Type: "bindings.acme-redis", Versions: []string{"v1"}, Operations: []string{"create", "get", "redis.increment"}},
		},
		Metadata: []proto.MetadataField{
			{Name: "redisHost", Type: "string", Required: true, Description: "Address of the server", Example: "redis:6379"},
			{Name: "redisDB", Type: "integer", Default: "0"},
			{Name: "readTimeout", Type: "duration", Default: "30s", Aliases: []string{"redisReadTimeout"}},
			{Name: "maxValueSize", Type: "bytesize", Default: "10Mi"},
			{Name: "redisType", Type: "string", Default: "node", AllowedValues: []string{"node", "cluster"}},
			{Name: "sampleRate", Type: "number", Default: "0.50"},
			{Name: "enableTLS", Type: "bool", Default: "false"},
			{Name: "pollInterval", Type: "duration", Binding: "input", Deprecated: true},
		},
		AuthProfiles: []proto.AuthProfile{{
			Title: "User and password", Description: "ACL user of Redis 6 and later.\nThe default user when no name is given.\n",
			Metadata: []proto.MetadataField{
				{Name: "redisUsername", Type: "string"},
				{Name: "redisPassword", Type: "string", Required: true, Sensitive: true},
			},
		}},
		Capabilities: []proto.Capability{
			{Name: "net.dial", Required: true, Reason: "connects to the Redis server", Hints: []string{"{redisHost}"}},
			{Name: "clock.fine", Reason: "measures round trips"},
		},
		Concurrency: &proto.ConcurrencyModel{Mode: proto.ModeServe, MaxInflight: 64, MaxInstances: 2},
		Limits:      &proto.ResourceLimits{MinMemoryBytes: 16 << 20, SuggestedMemoryBytes: 64 << 20},
	}
	if diff := cmp.Diff(want, full(t)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseFillsIn(t *testing.T) {
	got, err := manifest.Parse("plugin.yaml", []byte("name: a\nversion: 0.1.0\nkinds: [{type: state.a}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := &proto.Manifest{ABI: "1.0", Name: "a", Version: "0.1.0", Kinds: []proto.Kind{{Kind: "state", Type: "state.a", Versions: []string{"v1"}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestRefused reads testdata/refused: a plugin.yaml, a line of dashes, and all
// that is wrong with it.
func TestRefused(t *testing.T) {
	files, err := filepath.Glob("testdata/refused/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	const dashes = "----------\n"
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			src, want, ok := strings.Cut(string(b), dashes)
			if !ok {
				t.Fatal("no line of dashes")
			}
			_, err = manifest.Parse("plugin.yaml", []byte(src))
			if err == nil {
				t.Fatal("got no error")
			}
			var many plugins.Errors
			if !errors.As(err, &many) {
				t.Errorf("got a %T, want plugins.Errors", err)
			}
			got := err.Error() + "\n"
			if *update {
				if err := os.WriteFile(file, []byte(src+dashes+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestViews(t *testing.T) {
	m := full(t)
	j, err := manifest.JSON(m)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "full.json", j)
	back, err := manifest.Parse("full.json", j)
	if err != nil {
		t.Fatalf("the JSON view is no plugin.yaml: %v", err)
	}
	if diff := cmp.Diff(m, back); diff != "" {
		t.Errorf("JSON view read back (-want +got):\n%s", diff)
	}
	var text strings.Builder
	if err := manifest.WriteText(&text, m); err != nil {
		t.Fatal(err)
	}
	golden(t, "full.txt", []byte(text.String()))
}
