package main

import (
	"slices"
	"testing"
)

func TestListedLanguages(t *testing.T) {
	for text, want := range map[string][]string{
		"(\n    \"de-DE\",\n    \"en-GB\"\n)\n": {"de-DE", "en-GB"},
		"(\n    de\n)\n":                        {"de"},
		"(\n)\n":                                nil,
		"":                                      nil,
	} {
		if got := listedLanguages(text); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
