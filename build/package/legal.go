package main

import (
	"bytes"
	"cmp"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// part is something of others that the programs contain.
type part struct {
	name, version string
	purl          string // its address as a bill of materials writes it
	licence       string // by its SPDX name
	text          string // of its licences
	in            []string
}

// legal is what there is to say of the parts of others, sorted by their names.
type legal []part

// findLegal finds the parts of programs, by what the Go tool wrote into them,
// and their licences. A part whose licence is not known is an error: somebody
// must look at it before it ships.
func (j *job) findLegal(ctx context.Context, programs map[string][]byte) (legal, error) {
	modules := map[string]*part{}
	add := func(key, program string, p part) {
		if modules[key] == nil {
			modules[key] = &p
		}
		modules[key].in = append(modules[key].in, program)
	}
	for program, data := range programs {
		info, err := buildinfo.Read(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", program, err)
		}
		version := strings.TrimPrefix(info.GoVersion, "go")
		add("std", program, part{name: "Go standard library", version: version, purl: "pkg:golang/std@" + version})
		for _, m := range info.Deps {
			if m.Replace != nil {
				m = m.Replace
			}
			add(m.Path+"@"+m.Version, program, part{name: m.Path, version: m.Version, purl: "pkg:golang/" + m.Path + "@" + m.Version})
		}
	}
	folders, err := j.moduleFolders(ctx, modules)
	if err != nil {
		return nil, err
	}
	var all legal
	for key, p := range modules {
		if p.text, err = licenceTexts(folders[key]); err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		all = append(all, *p)
	}
	page, err := j.pageParts(programs)
	if err != nil {
		return nil, err
	}
	all = append(all, page...)
	for i := range all {
		if all[i].licence = spdx(all[i].text); all[i].licence == "" {
			return nil, fmt.Errorf("%s: what licence it has is not known", all[i].name)
		}
		slices.Sort(all[i].in)
	}
	slices.SortFunc(all, func(a, b part) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.version, b.version)) })
	return all, nil
}

// moduleFolders are where the Go tool keeps modules, by "path@version"; "std" is
// that of Go itself.
func (j *job) moduleFolders(ctx context.Context, modules map[string]*part) (map[string]string, error) {
	goroot, err := output(ctx, j.root, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	folders := map[string]string{"std": strings.TrimSpace(goroot)}
	args := []string{"mod", "download", "-json"}
	for key := range modules {
		if key != "std" {
			args = append(args, key)
		}
	}
	list, err := output(ctx, j.root, "go", args...)
	if err != nil {
		return nil, err
	}
	for dec := json.NewDecoder(strings.NewReader(list)); ; {
		var m struct{ Path, Version, Dir string }
		err := dec.Decode(&m)
		if errors.Is(err, io.EOF) {
			return folders, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the list of modules: %w", err)
		}
		folders[m.Path+"@"+m.Version] = m.Dir
	}
}

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([-._].*)?$`)

// licenceTexts are those in the folder of a module, one after the other.
func licenceTexts(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var texts []string
	for _, e := range entries {
		if !e.Type().IsRegular() || !licenceFile.MatchString(e.Name()) || strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return "", err
		}
		texts = append(texts, strings.TrimSpace(strings.ReplaceAll(string(data), "\r\n", "\n")))
	}
	return strings.Join(texts, "\n\n"), nil
}

// pageParts are the libraries of the page, which web/lib keeps, with the
// versions that npm's list of them says.
func (j *job) pageParts(programs map[string][]byte) (legal, error) {
	data, err := os.ReadFile(filepath.Join(j.root, "web", "package-lock.json"))
	if err != nil {
		return nil, err
	}
	var lock struct {
		Packages map[string]struct{ Version string }
	}
	if err := json.Unmarshal(data, &lock); err != nil {
		return nil, fmt.Errorf("read the page's list of packages: %w", err)
	}
	var parts legal
	for name, folder := range map[string]string{"preact": "preact", "@preact/signals": "signals", "@preact/signals-core": "signals", "uplot": "uplot"} {
		version := lock.Packages["node_modules/"+name].Version
		if version == "" {
			return nil, fmt.Errorf("the page's list of packages has no %s", name)
		}
		text, err := licenceTexts(filepath.Join(j.root, "web", "lib", folder))
		if err != nil {
			return nil, err
		}
		p := part{name: name, version: version, purl: "pkg:npm/" + strings.Replace(name, "@", "%40", 1) + "@" + version, text: text}
		for program := range programs {
			if strings.TrimSuffix(program, ".exe") != "holdfastd" {
				p.in = append(p.in, program)
			}
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// spdx tells a licence by a sentence that only it has. "": none of those that
// may be in the programs.
func spdx(text string) string {
	// Some texts are written as a quotation.
	plain := strings.ToLower(strings.Join(strings.Fields(strings.ReplaceAll(text, ">", " ")), " "))
	for _, l := range []struct{ name, sentence string }{
		{"Apache-2.0", "apache license version 2.0"},
		{"MIT", "permission is hereby granted, free of charge, to any person obtaining a copy"},
		{"ISC", "permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted"},
		{"BSD-3-Clause", "may be used to endorse or promote products derived from"},
		{"BSD-2-Clause", "redistributions in binary form must reproduce the above copyright notice"},
		{"MPL-2.0", "mozilla public license version 2.0"},
	} {
		if strings.Contains(plain, l.sentence) {
			return l.name
		}
	}
	return ""
}

// notice is the text that goes with the programs: every part and its licence.
func (l legal) notice() string {
	var b strings.Builder
	b.WriteString("Holdfast contains what others have made. Each part, and its licence:\n")
	for _, p := range l {
		fmt.Fprintf(&b, "\n%s\n%s %s (%s)\n\n%s\n", strings.Repeat("-", 78), p.name, p.version, p.licence, p.text)
	}
	return b.String()
}
