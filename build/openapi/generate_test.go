package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/web"
)

var root = filepath.Join("..", "..")

func TestDocumentIsFresh(t *testing.T) {
	got, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(root, "web", "openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("web/openapi.json is stale: go run ./build/openapi")
	}
}

func TestDocumentHoldsEveryVerb(t *testing.T) {
	text, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths      map[string]map[string]map[string]any
		Components struct {
			Schemas map[string]struct {
				Description string
				Properties  map[string]map[string]any
				Required    []string
			}
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	for _, r := range web.Rules() {
		op := doc.Paths[r.Pattern][strings.ToLower(r.Method)]
		if op == nil || op["x-role"] != r.Role.String() {
			t.Errorf("%s %s: got %v, want the role %s", r.Method, r.Pattern, op, r.Role)
		}
	}
	status := doc.Components.Schemas["Status"]
	if status.Properties["overall"] == nil || status.Properties["limited"] == nil {
		t.Errorf("Status: got %v, want the fields of what it embeds, and its own", status.Properties)
	}
	event := doc.Components.Schemas["Event"]
	if kinds, _ := event.Properties["kind"]["enum"].([]any); len(kinds) < 20 {
		t.Errorf("kind of an event: got %v, want every kind", event.Properties["kind"])
	}
	notice := doc.Components.Schemas["EventNotice"]
	if notice.Properties["code"] == nil || notice.Properties["code"]["enum"] != nil {
		t.Errorf("code of a notice: got %v, want any cause and any kind", notice.Properties["code"])
	}
	if len(event.Required) != 4 {
		t.Errorf("required of an event: got %v, want id, at, kind, sentence", event.Required)
	}
	for name, s := range doc.Components.Schemas {
		if s.Description == "" {
			t.Errorf("%s has no description", name)
		}
	}
	// Every reference leads somewhere.
	for _, part := range strings.Split(string(text), `"$ref": "#/components/schemas/`)[1:] {
		name, _, _ := strings.Cut(part, `"`)
		if _, ok := doc.Components.Schemas[name]; !ok {
			t.Errorf("%s is named and not described", name)
		}
	}
}
