// Command page makes web/dist of web/src and web/lib, without node and without a
// network: go run ./build/page. With --watch it does so again after each change.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

func main() {
	web := flag.String("web", "web", "the `folder` with src, lib and dist")
	watch := flag.Bool("watch", false, "go on, and make it again after each change")
	flag.Parse()
	for last := (time.Time{}); ; {
		changed := newest(*web)
		if changed.After(last) {
			last = changed
			if err := write(*web); err != nil {
				fmt.Fprintln(os.Stderr, err)
				if !*watch {
					os.Exit(1)
				}
			}
		}
		if !*watch {
			return
		}
		time.Sleep(300 * time.Millisecond)
	}
}

// newest is when a source was changed last.
func newest(web string) time.Time {
	var latest time.Time
	_ = filepath.WalkDir(filepath.Join(web, "src"), func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // it was removed meanwhile
		}
		if info, err := d.Info(); err == nil && info.ModTime().After(latest) {
			latest = info.ModTime()
		}
		return nil
	})
	return latest
}

// write makes the page and puts it below web/dist. What is there and not part of
// it any more is removed, but for the Go file that embeds it.
func write(web string) error {
	files, err := bundle(web)
	if err != nil {
		return err
	}
	dist := filepath.Join(web, "dist")
	if err := prune(dist, files); err != nil {
		return err
	}
	for _, name := range names(files) {
		to := filepath.Join(dist, filepath.FromSlash(name))
		if old, err := os.ReadFile(to); err == nil && bytes.Equal(old, files[name]) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, files[name], 0o644); err != nil {
			return err
		}
		fmt.Printf("%7d  %s\n", len(files[name]), name)
	}
	return nil
}

// prune removes what is in dist and not in the bundle.
func prune(dist string, files map[string][]byte) error {
	return filepath.WalkDir(dist, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) == ".go" {
			return err
		}
		rel, err := filepath.Rel(dist, name)
		if err != nil {
			return err
		}
		if _, kept := files[filepath.ToSlash(rel)]; kept {
			return nil
		}
		return os.Remove(name)
	})
}
