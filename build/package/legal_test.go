package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSPDX(t *testing.T) {
	for text, want := range map[string]string{
		"Permission is hereby granted, free of charge, to any person\nobtaining a copy of this": "MIT",
		"  Apache License\n  Version 2.0, January 2004":                                         "Apache-2.0",
		"> Redistributions in binary form must reproduce the above\n> copyright notice":         "BSD-2-Clause",
		"All rights reserved.": "",
	} {
		if got := spdx(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// TestLegalOfThisProgram reads what is in a program that there is always: the
// test itself.
func TestLegalOfThisProgram(t *testing.T) {
	l := small(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := l.findLegal(t.Context(), map[string][]byte{"holdfast": data, "holdfastd": data})
	if err != nil {
		t.Fatal(err)
	}
	index := slices.IndexFunc(parts, func(p part) bool { return p.name == "preact" })
	if index < 0 || parts[index].licence != "MIT" || !slices.Equal(parts[index].in, []string{"holdfast"}) {
		t.Errorf("the library of the page is not found, or not in the programs that have the page: %+v", parts)
	}
	notice := parts.notice()
	for _, want := range []string{"Go standard library " + strings.TrimPrefix(goVersion(t), "go"), "Copyright 2009 The Go Authors", "uplot 1.6."} {
		if !strings.Contains(notice, want) {
			t.Errorf("the notice does not say %q", want)
		}
	}
}

func goVersion(t *testing.T) string {
	t.Helper()
	version, err := output(t.Context(), "", "go", "env", "GOVERSION")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(version)
}

func TestBill(t *testing.T) {
	j := &job{release: release{Version: "1.2.3", Commit: "0123abc", Made: time.Unix(0, 0).UTC()}, target: target{"linux", "arm64"}, out: t.TempDir()}
	parts := legal{{name: "a", version: "v1", purl: "pkg:golang/a@v1", licence: "MIT", in: []string{"holdfast"}}}
	if err := j.writeBill(map[string][]byte{"holdfast": []byte("x"), "holdfastd": []byte("y")}, parts); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(j.out, "holdfast-1.2.3-linux-arm64.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	var b bill
	if err := json.Unmarshal(data, &b); err != nil {
		t.Fatal(err)
	}
	if b.Format != "CycloneDX" || b.Spec != "1.6" || len(b.Components) != 3 {
		t.Errorf("got %+v", b)
	}
	refs := map[string]bool{b.Metadata.Component.Ref: true}
	for _, c := range b.Components {
		if refs[c.Ref] {
			t.Errorf("two components are called %s", c.Ref)
		}
		refs[c.Ref] = true
	}
	for _, d := range b.Dependencies {
		for _, ref := range append(d.On, d.Ref) {
			if !refs[ref] {
				t.Errorf("%s is named and not there", ref)
			}
		}
		if uses := slices.Contains(d.On, "pkg:golang/a@v1"); uses != (d.Ref == "holdfast") {
			t.Errorf("%s uses a: %t", d.Ref, uses)
		}
	}
}

func TestTree(t *testing.T) {
	dir := t.TempDir()
	at := time.Unix(1700000000, 0)
	if err := (tree{"a/b": file{0o755, []byte("x")}, "c": text("y")}).write(dir, at); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{"a/b": 0o755, "c": 0o644} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != mode || !info.ModTime().Equal(at) {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}
