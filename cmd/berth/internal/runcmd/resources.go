package runcmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const defaultStore = `# Written by "berth run", for when no other resources are found: a state store
# in the memory of the sidecar. It is yours to change; it is not written again.
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: statestore
spec:
  type: state.in-memory
  version: v1
`

// defaultResources finds the folder of resources when none is named, and makes
// one when there is none.
func defaultResources() (string, error) {
	candidates := []string{filepath.Join(".berth", "resources"), filepath.Join(".dapr", "resources")}
	home, homeErr := os.UserHomeDir()
	if homeErr == nil {
		candidates = append(candidates, filepath.Join(home, ".dapr", "components"))
	}
	for _, dir := range candidates {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir, nil
		}
	}
	if homeErr != nil {
		return "", fmt.Errorf("no --resources-path, and no home folder to look in: %w", homeErr)
	}
	dir := filepath.Join(home, ".berth", "components")
	file := filepath.Join(dir, "statestore.yaml")
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	return dir, os.WriteFile(file, []byte(defaultStore), 0o644)
}
