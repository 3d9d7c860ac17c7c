package version

import (
	"runtime/debug"
	"testing"
	"time"
)

func TestFill(t *testing.T) {
	stamp := func(version, revision, modified string) *debug.BuildInfo {
		return &debug.BuildInfo{
			Main: debug.Module{Version: version},
			Settings: []debug.BuildSetting{
				{Key: "vcs.modified", Value: modified}, {Key: "vcs.revision", Value: revision},
			},
		}
	}
	for _, tt := range []struct {
		name                    string
		version, commit         string
		info                    *debug.BuildInfo
		wantVersion, wantCommit string
	}{
		{"the linker's word stands", "1.2.3", "abc", stamp("v9.9.9", "fff", "true"), "1.2.3", "abc"},
		{"a module version", "", "", stamp("v1.0.1", "abc", "false"), "v1.0.1", "abc"},
		{"a changed work tree", "", "", stamp("(devel)", "abc", "true"), "", "abc-dirty"},
		{"nothing stamped", "", "", &debug.BuildInfo{}, "", ""},
		{"changed, but of no commit", "", "", stamp("", "", "true"), "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			version, commit := fill(tt.version, tt.commit, tt.info)
			if version != tt.wantVersion || commit != tt.wantCommit {
				t.Errorf("got %q %q, want %q %q", version, commit, tt.wantVersion, tt.wantCommit)
			}
		})
	}
}

func TestNeverEmpty(t *testing.T) {
	if Version == "" || Commit == "" || String() == "" {
		t.Errorf("got version %q and commit %q, want words for both", Version, Commit)
	}
}

func TestCommitted(t *testing.T) {
	info := &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-11-20T19:13:15Z"}}}
	if got, want := committed("", info), time.Date(2026, 11, 20, 19, 13, 15, 0, time.UTC); !got.Equal(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := committed("2026-11-30T04:00:00Z", info), time.Date(2026, 11, 30, 4, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("got %v, want the linker's word, %v", got, want)
	}
	for _, settings := range [][]debug.BuildSetting{nil, {{Key: "vcs.time", Value: "yesterday"}}} {
		if got := committed("", &debug.BuildInfo{Settings: settings}); !got.IsZero() {
			t.Errorf("of %v: got %v, want none", settings, got)
		}
	}
}
