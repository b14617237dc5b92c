//go:build unix

package cache

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// checksPermissions says that the bits of a folder's mode mean something.
const checksPermissions = true

// owned checks that the folder, or the link to it, is this user's.
func owned(dir string, info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("cache folder %s: its owner is not known", dir)
	}
	if uid := os.Geteuid(); int(st.Uid) != uid {
		return fmt.Errorf("cache folder %s belongs to user %d, this process runs as user %d, and what is in it becomes code; set %s to a folder of this user's", dir, st.Uid, uid, DirEnv)
	}
	return nil
}
