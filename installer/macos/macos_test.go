package macos_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"holdfast/installer/macos"
)

// plist reads a property list as launchd does, into maps, slices, strings, numbers
// and truths. It fails for what launchd would not take.
func plist(t *testing.T, text string) map[string]any {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	next := func() xml.Token {
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				t.Fatalf("the property list is no XML: %v", err)
			}
			switch token := token.(type) {
			case xml.CharData:
				if strings.TrimSpace(string(token)) != "" {
					return token.Copy()
				}
			case xml.StartElement, xml.EndElement:
				return token
			}
		}
	}
	word := func() string {
		var text string
		for {
			switch token := next().(type) {
			case xml.CharData:
				text += string(token)
			case xml.EndElement:
				return text
			default:
				t.Fatalf("got %v in the middle of a text", token)
			}
		}
	}
	var value func(xml.StartElement) any
	value = func(start xml.StartElement) any {
		switch start.Name.Local {
		case "string":
			return word()
		case "integer":
			n, err := strconv.Atoi(word())
			if err != nil {
				t.Fatal(err)
			}
			return n
		case "true", "false":
			word()
			return start.Name.Local == "true"
		case "array":
			list := []any{}
			for {
				inner, isStart := next().(xml.StartElement)
				if !isStart {
					return list
				}
				list = append(list, value(inner))
			}
		case "dict":
			dict := map[string]any{}
			for {
				key, isStart := next().(xml.StartElement)
				if !isStart {
					return dict
				}
				if key.Name.Local != "key" {
					t.Fatalf("got <%s> where a key belongs", key.Name.Local)
				}
				name := word()
				if _, twice := dict[name]; twice {
					t.Fatalf("%s is there twice", name)
				}
				inner, isStart := next().(xml.StartElement)
				if !isStart {
					t.Fatalf("%s has no value", name)
				}
				dict[name] = value(inner)
			}
		}
		t.Fatalf("a property list has no <%s>", start.Name.Local)
		return nil
	}
	root, isStart := next().(xml.StartElement)
	if !isStart || root.Name.Local != "plist" {
		t.Fatalf("it begins with %v", root)
	}
	inner, isStart := next().(xml.StartElement)
	if !isStart {
		t.Fatal("the property list is empty")
	}
	dict, isDict := value(inner).(map[string]any)
	if !isDict {
		t.Fatal("the property list is no dictionary")
	}
	return dict
}

func TestPlist(t *testing.T) {
	for _, program := range []string{macos.Programs + "/holdfastd", "/opt/a & <b>/holdfastd"} {
		got := plist(t, macos.PlistText(program))
		want := map[string]any{
			"Label":              macos.Label,
			"ProgramArguments":   []any{program, "run", "--log-file", macos.Logs + "/holdfastd.log"},
			"RunAtLoad":          true,
			"KeepAlive":          true,
			"ThrottleInterval":   1,
			"ExitTimeOut":        40,
			"ProcessType":        "Interactive",
			"Umask":              0o077,
			"HardResourceLimits": map[string]any{"Core": 0},
			"StandardErrorPath":  macos.Logs + "/holdfastd.err",
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %v\nwant %v", got, want)
		}
	}
	if filepath.Base(macos.Plist) != macos.Label+".plist" {
		t.Errorf("launchd wants the file of %s to have its name, not %s", macos.Label, macos.Plist)
	}
}

// The script removes what the package brought, by the names that it has here, and
// names every program by its path.
func TestUninstallScript(t *testing.T) {
	text := macos.ScriptText()
	for _, want := range []string{`home="` + macos.Home + `"`, `"$home/bin/holdfast" service uninstall`, macos.Link, macos.Logs, "--forget " + macos.Receipt} {
		if !strings.Contains(text, want) {
			t.Errorf("the script does not say %s", want)
		}
	}
	path := filepath.Join(t.TempDir(), macos.Script)
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("needs a shell")
	}
	if out, err := exec.Command(sh, "-n", path).CombinedOutput(); err != nil {
		t.Errorf("sh -n: %v\n%s", err, out)
	}
	if os.Geteuid() == 0 {
		// As root it would begin; what it makes of a wrong word comes before that.
		out, err := exec.Command(sh, path, "--everything").CombinedOutput()
		if code := exitCode(err); code != 2 || !strings.Contains(string(out), "--everything is not known") {
			t.Errorf("exit code %d: %s", code, out)
		}
		return
	}
	out, err := exec.Command(sh, path).CombinedOutput()
	if code := exitCode(err); code != 4 || !strings.Contains(string(out), "only root") {
		t.Errorf("exit code %d: %s", code, out)
	}
}

func exitCode(err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	return 0
}
