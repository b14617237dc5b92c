// Package cache finds the folder for what was derived from plugins at some cost,
// such as compiled code, and says whether it may be used. Losing what is in it
// costs time and nothing else.
//
//	dir := cache.DefaultDir()
//	err := cache.EnsureDir(dir)
//
// What is in the folder is trusted as much as the host itself: it becomes code.
// So the folder is the user's own, nobody else may write into it, and EnsureDir
// refuses any other. What lies in it is the business of the engines, each of
// which checks its files against damage.
package cache

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// DirEnv is the environment variable that names the folder.
const DirEnv = "BERTH_CACHE_DIR"

// DefaultDir is $BERTH_CACHE_DIR, or else berth in the user's cache folder, or
// else, for a user without one, a folder in the temporary folder.
func DefaultDir() string {
	if dir := os.Getenv(DirEnv); dir != "" {
		return dir
	}
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "berth")
	}
	return filepath.Join(os.TempDir(), "berth-"+strconv.Itoa(os.Getuid()))
}

// EnsureDir makes the folder, for this user only, or checks that the one there
// is this user's and that nobody else can write into it. Each engine asks
// here for the folder it keeps compiled code in.
func EnsureDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cache folder: %w", err)
	}
	link, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("cache folder: %w", err)
	}
	if link.Mode()&fs.ModeSymlink != 0 {
		// Who owns the link says where it points to.
		if err := owned(dir, link); err != nil {
			return err
		}
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("cache folder: %w", err)
	}
	return check(dir, info)
}

// check refuses a folder that somebody else may have written into.
func check(dir string, info fs.FileInfo) error {
	if !info.IsDir() {
		return fmt.Errorf("cache folder %s is not a folder; set %s to another", dir, DirEnv)
	}
	if err := owned(dir, info); err != nil {
		return err
	}
	if perm := info.Mode().Perm(); perm&0o022 != 0 && checksPermissions {
		return fmt.Errorf("cache folder %s can be written by others (mode %04o), and what is in it becomes code; run chmod go-w, or set %s to another", dir, perm, DirEnv)
	}
	return nil
}
