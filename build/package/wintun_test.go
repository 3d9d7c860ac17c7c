package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/installer/windows"
)

// environment is what the variables of these names are.
func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for n := 0; n < len(pairs); n += 2 {
			if pairs[n] == name {
				return pairs[n+1]
			}
		}
		return ""
	}
}

// archive holds files by their names.
func archive(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range files {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWintunFromAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wintun")
	if _, err := findWintun(t.Context(), environment(wintunFile, path), "amd64"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: got %v", err)
	}
	for want, data := range map[string][]byte{
		"not the archive of wintun 0.14.1: its SHA-256 is": archive(t, map[string]string{"wintun/LICENSE.txt": "x"}),
		"it has been changed, or is something else":        []byte("MZ and no more"),
	} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := findWintun(t.Context(), environment(wintunFile, path), "amd64")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

// An archive with the right sum must still hold the right library.
func TestWintunInAnArchive(t *testing.T) {
	for want, files := range map[string]map[string]string{
		"wintun/LICENSE.txt":          {"wintun/bin/amd64/wintun.dll": "MZ"},
		"wintun/bin/amd64/wintun.dll": {"wintun/LICENSE.txt": "x"},
		windows.ErrWintun.Error():     {"wintun/bin/amd64/wintun.dll": "MZ", "wintun/LICENSE.txt": "x"},
	} {
		data := archive(t, files)
		sum := sha256.Sum256(data)
		_, err := openWintunArchive(data, hex.EncodeToString(sum[:]), "amd64")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	data := []byte("PK and no more")
	sum := sha256.Sum256(data)
	if _, err := openWintunArchive(data, hex.EncodeToString(sum[:]), "amd64"); !errors.Is(err, zip.ErrFormat) {
		t.Errorf("what is no archive: got %v", err)
	}
}

// Every address is asked in turn, and what one of them gives is not believed.
func TestWintunFromMirrors(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		if r.URL.Path == "/gone" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte("another archive"))
	}))
	defer server.Close()
	_, err := fetchWintun(t.Context(), []string{server.URL + "/gone", server.URL + "/other"}, "amd64")
	if err == nil {
		t.Fatal("another archive is taken")
	}
	if len(asked) != 2 {
		t.Errorf("asked for %v", asked)
	}
	for _, want := range []string{"/gone: 404", "/other: not the archive of wintun 0.14.1", wintunFile} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

// The pinned library as it is published, where HOLDFAST_WINTUN names it.
func TestWintunAsPublished(t *testing.T) {
	if os.Getenv(wintunFile) == "" {
		t.Skip("needs " + wintunFile)
	}
	found, err := findWintun(t.Context(), os.Getenv, "amd64")
	if err != nil {
		t.Fatal(err)
	}
	if len(found.library) < 100_000 || len(found.licence) == 0 {
		t.Errorf("got a library of %d bytes, a licence of %d", len(found.library), len(found.licence))
	}
}
