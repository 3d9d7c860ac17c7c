package main

import (
	"bytes"
	"encoding/binary"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// summary is a stream of summary information with these properties, by their kinds:
// a time, or a text.
func summary(t *testing.T, properties ...any) []byte {
	t.Helper()
	var head, body bytes.Buffer
	put := func(to *bytes.Buffer, values ...any) {
		for _, v := range values {
			if err := binary.Write(to, binary.LittleEndian, v); err != nil {
				t.Fatal(err)
			}
		}
	}
	first := 8 + 8*len(properties)/2
	put(&head, uint16(0xfffe), uint16(0), uint32(0), make([]byte, 16), uint32(1), summaryFormat, uint32(48), uint32(0), uint32(len(properties)/2))
	for n := 0; n < len(properties); n += 2 {
		put(&head, uint32(properties[n].(int)), uint32(first+body.Len()))
		switch v := properties[n+1].(type) {
		case uint64:
			put(&body, uint32(0x40), v)
		case string:
			put(&body, uint32(30), uint32(len(v)), []byte(v))
		}
	}
	return append(append(make([]byte, 512), head.Bytes()...), body.Bytes()...)
}

func TestSetSummaryTimes(t *testing.T) {
	at := time.Date(2026, 11, 30, 4, 0, 0, 0, time.UTC)
	// 2026-11-30 04:00 in tenths of microseconds since 1601, reckoned by days.
	want := uint64((155_561*24 + 4) * 3600 * 1e7)
	data := summary(t, 2, "Installer", 12, uint64(1), 13, uint64(2), 9, "{…}")
	if err := setSummaryTimes(data, at); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, summary(t, 2, "Installer", 12, want, 13, want, 9, "{…}")) {
		t.Error("something else was changed, or the times were not")
	}
}

func TestSetSummaryTimesRefuses(t *testing.T) {
	good := summary(t, 12, uint64(1), 13, uint64(2))
	for want, data := range map[string][]byte{
		"no summary information":         []byte("nothing"),
		"or more than one":               append(bytes.Clone(good), good...),
		"has 1 times":                    summary(t, 12, uint64(1)),
		"not where it should be":         summary(t, 12, "a text", 13, uint64(2)),
		"the summary information is cut": good[:len(good)-50],
	} {
		if err := setSummaryTimes(data, time.Unix(0, 0)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

// A warning of wixl is about something that the installer then lacks.
func TestStrict(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("needs a shell")
	}
	if err := strict(t.Context(), "", "sh", "-c", "true"); err != nil {
		t.Error(err)
	}
	for _, script := range []string{"echo unknown attribute >&2", "exit 3"} {
		if err := strict(t.Context(), "", "sh", "-c", script); err == nil {
			t.Errorf("%q is taken for success", script)
		}
	}
}

func TestFileVersion(t *testing.T) {
	for version, want := range map[string]string{"1.2.3": "1.2.3.0", "1.2.3+4": "1.2.3.4", "0.0.516": "0.0.516.0"} {
		if got := (release{Version: version}).fileVersion(); got != want {
			t.Errorf("%s: got %s, want %s", version, got, want)
		}
	}
}

func TestDosText(t *testing.T) {
	if got := string(dosText([]byte("a\nb\r\nc"))); got != "a\r\nb\r\nc" {
		t.Errorf("got %q", got)
	}
}
