package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// aliases say where the libraries are that the sources import by name.
var aliases = map[string]string{
	"preact":               "lib/preact/preact.js",
	"preact/hooks":         "lib/preact/hooks.js",
	"@preact/signals":      "lib/signals/signals.js",
	"@preact/signals-core": "lib/signals/core.js",
	"uplot":                "lib/uplot/uplot.js",
}

// engines are the oldest browsers the page is made for: those that know
// light-dark(), nesting and Trusted Types' fallback.
var engines = []api.Engine{
	{Name: api.EngineChrome, Version: "123"},
	{Name: api.EngineFirefox, Version: "121"},
	{Name: api.EngineSafari, Version: "17.5"},
}

// bundle makes the page of the sources below web. The keys are paths below
// web/dist. Nothing is written.
func bundle(web string) (map[string][]byte, error) {
	files := map[string][]byte{}
	if _, err := compile(web, files); err != nil {
		return nil, err
	}
	for _, c := range []struct{ from, to string }{{"src/icon", "assets"}, {"src/words", "words"}} {
		if err := collect(filepath.Join(web, c.from), c.to, files); err != nil {
			return nil, err
		}
	}
	index, err := os.ReadFile(filepath.Join(web, "src/index.html"))
	if err != nil {
		return nil, err
	}
	files["index.html"] = index
	return files, nil
}

// compile bundles the script and the style sheet, and says which script needs
// which. What a view alone needs is a script of its own, loaded when the view is
// first shown.
func compile(web string, files map[string][]byte) (needs, error) {
	root, err := filepath.Abs(web)
	if err != nil {
		return needs{}, err
	}
	absolute := map[string]string{}
	for name, file := range aliases {
		absolute[name] = filepath.Join(root, file)
	}
	entries, err := entryPoints(root)
	if err != nil {
		return needs{}, err
	}
	result := api.Build(api.BuildOptions{
		EntryPointsAdvanced: entries,
		AbsWorkingDir:       root,
		Outdir:              filepath.Join(root, "dist"),
		Bundle:              true,
		Format:              api.FormatESModule,
		Splitting:           true,
		ChunkNames:          "assets/[name]-[hash]",
		Metafile:            true,
		Charset:             api.CharsetUTF8,
		Engines:             engines,
		MinifyWhitespace:    true,
		MinifyIdentifiers:   true,
		MinifySyntax:        true,
		LegalComments:       api.LegalCommentsNone,
		JSX:                 api.JSXTransform,
		JSXFactory:          "createElement",
		JSXFragment:         "Fragment",
		Inject:              []string{filepath.Join(root, "src/jsx.ts")},
		Alias:               absolute,
		TsconfigRaw:         "{}",
		LogLevel:            api.LogLevelSilent,
	})
	if len(result.Errors) > 0 {
		lines := api.FormatMessages(result.Errors, api.FormatMessagesOptions{Kind: api.ErrorMessage})
		return needs{}, errors.New(strings.Join(lines, ""))
	}
	for _, out := range result.OutputFiles {
		name, err := filepath.Rel(filepath.Join(root, "dist"), out.Path)
		if err != nil {
			return needs{}, err
		}
		files[filepath.ToSlash(name)] = out.Contents
	}
	var n needs
	return n, json.Unmarshal([]byte(result.Metafile), &n)
}

// entryPoints are the script and the style sheet that the page begins with, and
// the style sheets that views load when they are first shown.
func entryPoints(root string) ([]api.EntryPoint, error) {
	entries := []api.EntryPoint{
		{InputPath: "src/main.tsx", OutputPath: "assets/app"},
		{InputPath: "src/style/app.css", OutputPath: "assets/style"},
	}
	sheets, err := filepath.Glob(filepath.Join(root, "src/style/later/*.css"))
	for _, sheet := range sheets {
		name := filepath.Base(sheet)
		entries = append(entries, api.EntryPoint{
			InputPath: "src/style/later/" + name, OutputPath: "assets/" + strings.TrimSuffix(name, ".css"),
		})
	}
	return entries, err
}

// needs is what esbuild tells of the files it made, by their paths.
type needs struct {
	Inputs map[string]struct {
		Imports []imported `json:"imports"`
	} `json:"inputs"`
	Outputs map[string]output `json:"outputs"`
}

type output struct {
	Bytes int `json:"bytes"`
	// EntryPoint is the source that is loaded with the script. "": it is shared.
	EntryPoint string     `json:"entryPoint"`
	Imports    []imported `json:"imports"`
}

type imported struct {
	Path string `json:"path"`
	Kind string `json:"kind"`
}

// load adds a script, and every script that it cannot begin without, to what is
// loaded already.
func (n needs) load(script string, loaded map[string]int) {
	if _, is := loaded[script]; is {
		return
	}
	loaded[script] = n.Outputs[script].Bytes
	for _, i := range n.Outputs[script].Imports {
		if i.Kind == "import-statement" {
			n.load(i.Path, loaded)
		}
	}
}

// draws says whether a source uses the chart, itself or through another. The
// chart's script is loaded when it is first drawn.
func (n needs) draws(source string, seen map[string]bool) bool {
	if source == "src/part/chart.tsx" {
		return true
	}
	if seen[source] {
		return false
	}
	seen[source] = true
	return slices.ContainsFunc(n.Inputs[source].Imports, func(i imported) bool { return n.draws(i.Path, seen) })
}

// later lists the scripts that are loaded when they are first needed.
func (n needs) later() []string {
	found := map[string]bool{}
	for _, o := range n.Outputs {
		for _, i := range o.Imports {
			if i.Kind == "dynamic-import" {
				found[i.Path] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// collect takes the files of a folder as they are; JSON loses its white space.
func collect(dir, to string, files map[string][]byte) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if strings.HasSuffix(name, ".json") {
			if text, err = compact(text); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		files[path.Join(to, d.Name())] = text
		return nil
	})
}

// compact checks that a file is an object of strings, and writes it in the
// order of its keys.
func compact(text []byte) ([]byte, error) {
	var words map[string]string
	if err := json.Unmarshal(text, &words); err != nil {
		return nil, err
	}
	return json.Marshal(words)
}

// names are the files of a bundle, sorted.
func names(files map[string][]byte) []string { return slices.Sorted(maps.Keys(files)) }
