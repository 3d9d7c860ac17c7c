package main

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/service/tunnel"
)

// conf is a configuration that is valid.
func conf(t testing.TB, endpoint string) string {
	t.Helper()
	private, server := tunnel.NewPrivateKey([32]byte{7}), tunnel.NewPrivateKey([32]byte{9})
	return fmt.Sprintf("[Interface]\nPrivateKey = %s\nAddress = 10.0.0.2/32\n[Peer]\nPublicKey = %s\nAllowedIPs = 0.0.0.0/0\nEndpoint = %s:51820\n",
		private.Reveal(), server.Public(), endpoint)
}

// zipped makes an archive of name, text, name, text…
func zipped(t testing.TB, entries ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(entries); i += 2 {
		e, err := w.Create(entries[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Write([]byte(entries[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// liar makes an archive whose one entry says that it is small and is not.
func liar(t testing.TB) []byte {
	t.Helper()
	raw := zipped(t, "a.conf", strings.Repeat("#", 4<<20))
	r, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	packed, err := r.File[0].OpenRaw()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	e, err := w.CreateRaw(&zip.FileHeader{
		Name: "a.conf", Method: zip.Deflate, CRC32: crc32.ChecksumIEEE([]byte("#")),
		CompressedSize64: r.File[0].CompressedSize64, UncompressedSize64: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(e, packed); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// link makes an archive whose entry is a symbolic link.
func link(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	h := &zip.FileHeader{Name: "a.conf"}
	h.SetMode(os.ModeSymlink | 0o777)
	e, err := w.CreateHeader(h)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = e.Write([]byte("/etc/shadow"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestZipRefusesWhatIsHostile(t *testing.T) {
	many := func(n int, text string) []byte {
		var entries []string
		for i := range n {
			entries = append(entries, fmt.Sprintf("t%d.conf", i), text)
		}
		return zipped(t, entries...)
	}
	half := strings.Repeat("#", 200<<10)
	for _, tt := range []struct {
		name string
		data []byte
	}{
		{"no archive", []byte("PK\x03\x04 and no more")},
		{"empty", zipped(t)},
		{"nothing of ours", zipped(t, "readme.txt", "x")},
		{"leads upwards", zipped(t, "../../etc/cron.d/a.conf", conf(t, "192.0.2.1"))},
		{"absolute", zipped(t, "/etc/a.conf", conf(t, "192.0.2.1"))},
		{"backslash", zipped(t, `..\a.conf`, conf(t, "192.0.2.1"))},
		{"drive", zipped(t, `c:a.conf`, conf(t, "192.0.2.1"))},
		{"one entry too many", many(101, "x")},
		{"an entry too long", zipped(t, "a.conf", strings.Repeat("#", tunnel.MaxBytes+1))},
		{"too long in all", many(45, half)},
		{"says it is small", liar(t)},
		{"a link", link(t)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			docs, err := readZip("a.zip", tt.data)
			if err == nil {
				t.Fatalf("got %d documents, want an error", len(docs))
			}
			if f := explain(err); f.code != exitInvalid || f.hint == "" {
				t.Errorf("got code %d, hint %q: %v", f.code, f.hint, err)
			}
		})
	}
}

func TestZipPassesOverWhatIsNotOurs(t *testing.T) {
	docs, err := readZip("a.zip", zipped(t, "nl.conf", "1", "sub/", "", "sub/de.CONF", "2",
		"__MACOSX/._nl.conf", "3", "sub/._de.conf", "4", "readme.txt", "5"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range docs {
		if err := d.takeName(""); err != nil {
			t.Fatal(err)
		}
		got = append(got, d.source+"="+string(d.name))
	}
	if want := "a.zip/nl.conf=nl a.zip/sub/de.CONF=de"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// runIn carries out a command in this process and returns what it printed.
func runIn(t testing.TB, f *fakeService, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	p := &program{in: strings.NewReader(stdin), out: &out, err: &errs, env: func(key string) string {
		if key == "HOLDFAST_SOCKET" && f != nil {
			return f.socket
		}
		return ""
	}}
	code = p.run(context.Background(), args)
	return code, out.String(), errs.String()
}

func TestImportOfHostileFileNames(t *testing.T) {
	f := startFake(t)
	dir := t.TempDir()
	for _, tt := range []struct {
		file string
		code int
	}{
		{"a b.conf", exitUsage},
		{"\x1b[2J.conf", exitUsage},
		{"new\nline.conf", exitUsage},
		{"\u202efnoc.conf", exitUsage},
		{"-rf.conf", exitDone}, // given as a path with its folder
		{".conf", exitUsage},
		{"..conf", exitUsage},
		{"nul.conf", exitUsage},
		{"NUL.x.conf", exitUsage},
		{"$(id).conf", exitUsage},
		{"sixteen-letters-.conf", exitUsage},
		{"nl", exitDone},
		{"NL2.CONF", exitDone},
		{"nl.conf.conf", exitDone},
	} {
		t.Run(tt.file, func(t *testing.T) {
			path := filepath.Join(dir, tt.file)
			if err := os.WriteFile(path, []byte(conf(t, "192.0.2.1")), 0o600); err != nil {
				t.Skipf("this system has no such file name: %v", err)
			}
			code, _, stderr := runIn(t, f, "", "tunnel", "import", "--replace", path)
			if code != tt.code {
				t.Errorf("got exit code %d, want %d: %s", code, tt.code, stderr)
			}
			if strings.ContainsAny(stderr, "\x1b\u202e") {
				t.Errorf("got foreign control characters: %q", stderr)
			}
		})
	}
}

func TestImportReadsAsThePersonWithinLimits(t *testing.T) {
	f := startFake(t)
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	utf16 := []byte{0xff, 0xfe}
	for _, r := range conf(t, "192.0.2.7") {
		utf16 = append(utf16, byte(r), 0)
	}
	for _, tt := range []struct {
		name string
		path string
		code int
	}{
		{"too long", write("long.conf", bytes.Repeat([]byte("#\n"), 200<<10)), exitInvalid},
		{"endless", "/dev/zero", exitInvalid},
		{"binary", write("bin.conf", []byte("\x00\x01\x02")), exitInvalid},
		{"empty", write("empty.conf", nil), exitInvalid},
		{"archive", write("all.zip", zipped(t, "x1.conf", conf(t, "192.0.2.1"), "x2.conf", conf(t, "192.0.2.2"))), exitDone},
		{"archive by another name", write("all.conf", zipped(t, "x3.conf", conf(t, "192.0.2.1"))), exitDone},
		{"UTF-16", write("wide.conf", utf16), exitDone},
		{"an archive with one bad file", write("bad.zip", zipped(t, "y1.conf", conf(t, "192.0.2.1"), "y2.conf", "x")), exitInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if code, _, stderr := runIn(t, f, "", "tunnel", "import", tt.path); code != tt.code {
				t.Errorf("got exit code %d, want %d: %s", code, tt.code, stderr)
			}
		})
	}
	if !strings.Contains(f.tunnels["wide"], "192.0.2.7:51820") {
		t.Errorf("got %q for the UTF-16 file, want its text", f.tunnels["wide"])
	}
	if _, stored := f.tunnels["y1"]; stored {
		t.Error("got the good half of a bad archive stored")
	}
}
