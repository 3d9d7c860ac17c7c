package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The bill of materials, as CycloneDX 1.6 writes it.
type bill struct {
	Format       string           `json:"bomFormat"`
	Spec         string           `json:"specVersion"`
	Version      int              `json:"version"`
	Metadata     billMetadata     `json:"metadata"`
	Components   []billComponent  `json:"components"`
	Dependencies []billDependency `json:"dependencies"`
}

type billMetadata struct {
	Timestamp  time.Time      `json:"timestamp"`
	Component  billComponent  `json:"component"`
	Properties []billProperty `json:"properties"`
}

type billProperty struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type billComponent struct {
	Type     string        `json:"type"`
	Ref      string        `json:"bom-ref"`
	Name     string        `json:"name"`
	Version  string        `json:"version"`
	Hashes   []billHash    `json:"hashes,omitempty"`
	Licences []billLicence `json:"licenses"`
	PURL     string        `json:"purl,omitempty"`
}

type billHash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type billLicence struct {
	Licence struct {
		ID   string `json:"id,omitempty"`
		Name string `json:"name,omitempty"`
	} `json:"license"`
}

type billDependency struct {
	Ref string   `json:"ref"`
	On  []string `json:"dependsOn,omitempty"`
}

// licences names a licence as SPDX does, or, where SPDX does not know it, in words.
func licences(name string) []billLicence {
	var l billLicence
	if strings.Contains(name, " ") {
		l.Licence.Name = name
	} else {
		l.Licence.ID = name
	}
	return []billLicence{l}
}

// billOf says what the programs of a target are made of.
func (j *job) billOf(programs map[string][]byte, parts legal) bill {
	const all = "holdfast-packages"
	b := bill{Format: "CycloneDX", Spec: "1.6", Version: 1, Metadata: billMetadata{
		Timestamp:  j.Made,
		Component:  billComponent{Type: "application", Ref: all, Name: "Holdfast", Version: j.Version, Licences: licences("MIT")},
		Properties: []billProperty{{"holdfast:commit", j.Commit}, {"holdfast:target", j.String()}},
	}}
	names := slices.Sorted(maps.Keys(programs))
	b.Dependencies = append(b.Dependencies, billDependency{all, names})
	for _, name := range names {
		b.Components = append(b.Components, billComponent{Type: "application", Ref: name, Name: name, Version: j.Version, Licences: licences("MIT"),
			Hashes: []billHash{{"SHA-256", fmt.Sprintf("%x", sha256.Sum256(programs[name]))}}})
		on := billDependency{Ref: name}
		for _, p := range parts {
			if slices.Contains(p.in, name) {
				on.On = append(on.On, p.purl)
			}
		}
		b.Dependencies = append(b.Dependencies, on)
	}
	for _, p := range parts {
		b.Components = append(b.Components, billComponent{Type: "library", Ref: p.purl, Name: p.name, Version: p.version, Licences: licences(p.licence), PURL: p.purl})
		b.Dependencies = append(b.Dependencies, billDependency{Ref: p.purl})
	}
	return b
}

// writeBill writes the bill of materials beside the packages.
func (j *job) writeBill(programs map[string][]byte, parts legal) error {
	text, err := json.MarshalIndent(j.billOf(programs, parts), "", "  ")
	if err != nil {
		return err
	}
	name := fmt.Sprintf("holdfast-%s-%s-%s.cdx.json", j.Version, j.system, j.arch)
	return os.WriteFile(filepath.Join(j.out, name), append(text, '\n'), 0o644)
}
