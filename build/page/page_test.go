package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"holdfast/web/dist"
)

const web = "../../web"

// What is committed is what the sources give.
func TestDistIsCurrent(t *testing.T) {
	files, err := bundle(web)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		if got, err := dist.Files.ReadFile(name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("web/dist/%s is not what the sources give: go run ./build/page", name)
		}
	}
	err = fs.WalkDir(dist.Files, ".", func(name string, d fs.DirEntry, err error) error {
		if _, made := files[name]; err == nil && !d.IsDir() && !made {
			t.Errorf("web/dist/%s is left over: go run ./build/page", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The page is small, so that it is there at once: it begins with at most 50 kB of
// script, no view needs more than 95 kB with the start and, where it draws one,
// the chart, and no view more than 15 kB of style.
func TestBudgets(t *testing.T) {
	files := map[string][]byte{}
	n, err := compile(web, files)
	if err != nil {
		t.Fatal(err)
	}
	start := map[string]int{}
	n.load("dist/assets/app.js", start)
	within(t, "the start", start, 50_000)
	var chart string
	for _, script := range n.later() {
		if strings.Contains(script, "uplot") {
			chart = script
		}
	}
	if chart == "" {
		t.Fatal("the chart is not a script of its own")
	}
	if !n.draws("src/view/now.tsx", map[string]bool{}) {
		t.Fatal("what draws the chart is not found")
	}
	for _, script := range n.later() {
		view := maps.Clone(start)
		if n.draws(n.Outputs[script].EntryPoint, map[string]bool{}) {
			n.load(chart, view)
		}
		n.load(script, view)
		within(t, script, view, 95_000)
	}
	const style = "assets/style.css"
	within(t, style, map[string]int{style: len(files[style])}, 15_000)
	for name, text := range files {
		if filepath.Ext(name) == ".css" && name != style {
			within(t, name, map[string]int{style: len(files[style]), name: len(text)}, 15_000)
		}
	}
}

func within(t *testing.T, what string, scripts map[string]int, most int) {
	t.Helper()
	sum := 0
	for _, bytes := range scripts {
		sum += bytes
	}
	t.Logf("%s: %d of %d bytes", what, sum, most)
	if sum > most {
		t.Errorf("%s needs %d bytes, and may need %d", what, sum, most)
	}
}

// The libraries are those that web/lib/README.md names, to the byte.
func TestLibraries(t *testing.T) {
	sums, err := os.ReadFile(filepath.Join(web, "lib/SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	listed := 0
	for line := range strings.Lines(string(sums)) {
		want, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok {
			t.Fatalf("no sum in %q", line)
		}
		text, err := os.ReadFile(filepath.Join(web, "lib", name))
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s was changed", name)
		}
		listed++
	}
	if listed != len(aliases) {
		t.Errorf("%d libraries are listed and %d used", listed, len(aliases))
	}
}

var placeholder = regexp.MustCompile(`\{\w+\}`)

// Every language has the same words with the same places for figures.
func TestLanguages(t *testing.T) {
	english := words(t, "en")
	for name, other := range map[string]map[string]string{"de": words(t, "de")} {
		for key, text := range english {
			translated, ok := other[key]
			if !ok {
				t.Errorf("%s lacks %s", name, key)
				continue
			}
			for _, p := range placeholder.FindAllString(text, -1) {
				if !strings.Contains(translated, p) {
					t.Errorf("%s: %s lacks %s", name, key, p)
				}
			}
			if len(placeholder.FindAllString(text, -1)) != len(placeholder.FindAllString(translated, -1)) {
				t.Errorf("%s: %s has places that English has not", name, key)
			}
		}
		for key := range other {
			// The help of settings and the demo's faults are the program's own in English.
			if _, ok := english[key]; !ok && !strings.HasPrefix(key, "setting.") && !strings.HasPrefix(key, "fault.") {
				t.Errorf("%s has %s, which English has not", name, key)
			}
		}
	}
}

// Every word that the sources ask for by a literal key is there, and every word
// that is there is asked for.
func TestWordsAreUsed(t *testing.T) {
	english := words(t, "en")
	used, prefixes := map[string]bool{}, []string{}
	literal := regexp.MustCompile(`["'\x60]([a-z]+\.[a-zA-Z0-9_.-]*)(\$\{)?`)
	err := filepath.WalkDir(filepath.Join(web, "src"), func(name string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ".ts") && !strings.HasSuffix(name, ".tsx") {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, m := range literal.FindAllStringSubmatch(string(text), -1) {
			if m[2] != "" || strings.HasSuffix(m[1], ".") {
				prefixes = append(prefixes, m[1])
			} else {
				used[m[1]] = true
			}
		}
		for _, m := range regexp.MustCompile(`\bt\("([^"]+)"`).FindAllStringSubmatch(string(text), -1) {
			_, one := english[m[1]]
			_, many := english[m[1]+".other"]
			if !one && !many && !strings.HasSuffix(m[1], ".") {
				t.Errorf("%s asks for %s, which no language has", name, m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for key := range english {
		base := strings.TrimSuffix(strings.TrimSuffix(key, ".one"), ".other")
		wanted := used[key] || used[base]
		for _, p := range prefixes {
			wanted = wanted || strings.HasPrefix(key, p)
		}
		if !wanted {
			t.Errorf("nothing asks for %s", key)
		}
	}
}

func words(t *testing.T, language string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(web, "src/words", language+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]string
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
