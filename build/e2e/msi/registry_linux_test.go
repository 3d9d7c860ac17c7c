package msi

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// registry is all that a Windows has in its registry, as "KEY" and "KEY value=data".
func (w *windows) registry(t *testing.T) []string {
	t.Helper()
	all := map[string]bool{}
	for _, root := range []string{"HKLM", "HKCU"} {
		path := filepath.Join(w.Tools, root+".reg")
		w.must(t, "reg", "export", root, `Z:`+strings.ReplaceAll(path, "/", `\`), "/y")
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		maps.Copy(all, entries(decode(data)))
	}
	return slices.Sorted(maps.Keys(all))
}

// decode reads UTF-16, the lower byte first.
func decode(data []byte) string {
	units := make([]uint16, 0, len(data)/2)
	for ; len(data) >= 2; data = data[2:] {
		units = append(units, uint16(data[0])|uint16(data[1])<<8)
	}
	return string(utf16.Decode(units))
}

// entries are the keys and values of an export.
func entries(text string) map[string]bool {
	// A long value goes on in the next line.
	text = strings.NewReplacer("\r\n", "\n", "\\\r\n  ", "").Replace(text)
	found, key := map[string]bool{}, ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "["):
			key = strings.Trim(line, "[]")
			found[key] = true
		case line != "" && key != "":
			found[key+" "+line] = true
		}
	}
	return found
}

// systems are entries that are the system's own.
var systems = []*regexp.Regexp{
	// Windows Installer keeps its lists when nothing is in them any more.
	regexp.MustCompile(`^HKEY_LOCAL_MACHINE\\Software\\(Classes|Microsoft\\Windows\\CurrentVersion)\\Installer(\\[^"@]*)?$`),
	// Wine removes the list of what starts at login then.
	regexp.MustCompile(`^HKEY_LOCAL_MACHINE\\Software\\Microsoft\\Windows\\CurrentVersion\\Run$`),
	// So it is with lists of everybody's that were empty, or not there, before.
	regexp.MustCompile(`^HKEY_CURRENT_USER\\Software\\Classes(\\AppUserModelId)?$`),
	regexp.MustCompile(`^HKEY_LOCAL_MACHINE\\Software\\Microsoft\\Windows\\Windows Error Reporting(\\ExcludedApplications)?$`),
	// Wine finds its screen and its devices anew whenever it begins.
	regexp.MustCompile(`^HKEY_LOCAL_MACHINE\\System\\CurrentControlSet\\(Control\\(Video|Class|DeviceClasses)|Enum|Hardware Profiles)(\\|$)`),
	regexp.MustCompile(`^HKEY_LOCAL_MACHINE\\Hardware(\\|$)`),
	regexp.MustCompile(`^HKEY_CURRENT_USER\\Software\\Wine(\\|$)`),
	// Wine counts services.
	regexp.MustCompile(`\\ServiceCurrent @=`),
	// Wine leaves the search path with one more semicolon at its end.
	regexp.MustCompile(`\\Session Manager\\Environment "(Path|PATH)"=`),
}

func isSystems(entry string) bool {
	return slices.ContainsFunc(systems, func(r *regexp.Regexp) bool { return r.MatchString(entry) })
}

// added is what of two sorted lists only the second one has.
func added(first, second []string) []string {
	return slices.DeleteFunc(slices.Clone(second), func(line string) bool {
		_, found := slices.BinarySearch(first, line)
		return found
	})
}
