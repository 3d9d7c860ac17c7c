package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// msiArchs are the processors as Windows Installer names them.
var msiArchs = map[string]string{"amd64": "x64", "arm64": "Arm64"}

// msi makes the installer of files.
func (j *job) msi(ctx context.Context, files tree, signer *signer) error {
	arch, ok := msiArchs[j.arch]
	if !ok {
		return fmt.Errorf("no installer for %s is known", j.arch)
	}
	in := j.installer(files)
	source, err := in.Source()
	if err != nil {
		return err
	}
	dir := filepath.Join(j.dir, "files")
	beside := tree{"holdfast.ico": file{0o644, programIcon()}, "holdfast.wxs": text(source)}
	for _, t := range []tree{files, beside} {
		if err := t.write(dir, j.Made); err != nil {
			return err
		}
	}
	name := fmt.Sprintf("holdfast-%s-windows-%s.msi", j.Version, j.arch)
	path := filepath.Join(j.dir, name)
	// wixl 0.101 knows x64 alone; the processor is written down below.
	if err := strict(ctx, dir, "wixl", "-a", "x64", "-o", path, "holdfast.wxs"); err != nil {
		return err
	}
	if err := strict(ctx, dir, "msibuild", append([]string{path, "-q"}, in.Statements()...)...); err != nil {
		return err
	}
	if err := strict(ctx, dir, "msibuild", path, "-s", "Holdfast "+j.Version, "Holdfast", arch+";1033", in.PackageCode()); err != nil {
		return err
	}
	if err := setTimes(path, j.Made); err != nil {
		return err
	}
	if err := signer.sign(ctx, path, "Holdfast"); err != nil {
		return err
	}
	return os.Rename(path, filepath.Join(j.out, name))
}

// strict runs a program of msitools. They warn of what they leave out, and report
// success: so whatever they say is an error.
func strict(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), "TZ=UTC", "LC_ALL=C.UTF-8")
	said, err := cmd.CombinedOutput()
	if err == nil && len(bytes.TrimSpace(said)) > 0 {
		err = errors.New("it warns")
	}
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, said)
	}
	return nil
}

// summaryFormat is the ID of the format of summary information (FMTID_SummaryInformation).
var summaryFormat = []byte{0xe0, 0x85, 0x9f, 0xf2, 0xf9, 0x4f, 0x68, 0x10, 0xab, 0x91, 0x08, 0x00, 0x2b, 0x27, 0xb3, 0xd9}

// setTimes writes into an installer when it was created and saved. Nothing else in
// it follows from when it was made.
func setTimes(path string, at time.Time) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := setSummaryTimes(data, at); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return os.WriteFile(path, data, 0o644)
}

// setSummaryTimes changes the two times in the summary information that is
// somewhere in data ([MS-OLEPS] 2.21): 28 bytes before its format begins the
// stream; after the format comes the offset of the properties, which begin with
// their size, their number, and the kind and offset of each.
func setSummaryTimes(data []byte, at time.Time) error {
	const created, saved, fileTime = 12, 13, 0x40
	start := bytes.Index(data, summaryFormat) - 28
	if start < 0 || bytes.Count(data, summaryFormat) != 1 {
		return errors.New("no summary information is found, or more than one")
	}
	number := func(from int) (int, error) {
		if from < start || from+4 > len(data) {
			return 0, errors.New("the summary information is cut off")
		}
		return int(binary.LittleEndian.Uint32(data[from:])), nil
	}
	offset, err := number(start + 44)
	if err != nil {
		return err
	}
	properties := start + offset
	count, err := number(properties + 4)
	if err != nil {
		return err
	}
	changed := 0
	for n := range min(count, 64) {
		kind, err := number(properties + 8 + 8*n)
		if err != nil {
			return err
		}
		where, err := number(properties + 12 + 8*n)
		if err != nil {
			return err
		}
		if kind != created && kind != saved {
			continue
		}
		value := properties + where
		if form, err := number(value); err != nil || form != fileTime || value+12 > len(data) {
			return errors.New("a time of the summary information is not where it should be")
		}
		binary.LittleEndian.PutUint64(data[value+4:], windowsTime(at))
		changed++
	}
	if changed != 2 {
		return fmt.Errorf("the summary information has %d times, not 2", changed)
	}
	return nil
}

// windowsTime is a moment as Windows counts: in tenths of microseconds since 1601.
func windowsTime(at time.Time) uint64 {
	const since1601 = 11644473600 // seconds until 1970
	return uint64(at.Unix()+since1601) * 1e7
}
