package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"holdfast/service/tunnel"
)

// The limits of an archive of tunnels. They hold for what is really unpacked,
// whatever the archive says of itself.
const (
	maxZipBytes   = 8 << 20 // of the archive, and of all it holds together
	maxZipEntries = 100
)

func isZip(data []byte) bool {
	return bytes.HasPrefix(data, []byte("PK\x03\x04")) || bytes.HasPrefix(data, []byte("PK\x05\x06"))
}

// readZip unpacks every .conf of an archive into memory. Other files, such as
// those that macOS adds, are passed over. Nothing is written anywhere.
func readZip(source string, data []byte) ([]document, error) {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, badZip(err, "%s is no archive that can be read", source)
	}
	if len(archive.File) > maxZipEntries {
		return nil, badZip(nil, "%s holds %d files; at most %d are read", source, len(archive.File), maxZipEntries)
	}
	var docs []document
	var total int64
	for _, entry := range archive.File {
		if !isConfig(entry) {
			continue
		}
		if !fs.ValidPath(entry.Name) || strings.ContainsAny(entry.Name, `\:`) {
			return nil, badZip(nil, "%s: the name %q leads out of the archive", source, entry.Name)
		}
		text, err := unpack(entry)
		if err != nil {
			return nil, badZip(err, "%s/%s", source, entry.Name)
		}
		if total += int64(len(text)); total > maxZipBytes {
			return nil, badZip(nil, "%s holds more than %s", source, size(maxZipBytes))
		}
		docs = append(docs, document{source: source + "/" + entry.Name, text: text})
	}
	if len(docs) == 0 {
		return nil, badZip(nil, "%s holds no .conf file", source)
	}
	return docs, nil
}

// isConfig passes over folders and what is not a .conf.
func isConfig(entry *zip.File) bool {
	base := path.Base(entry.Name)
	return strings.EqualFold(path.Ext(base), ".conf") && !entry.FileInfo().IsDir() &&
		!strings.HasPrefix(base, "._") && !strings.HasPrefix(entry.Name, "__MACOSX/")
}

// unpack reads one entry, never more of it than a .conf may have.
func unpack(entry *zip.File) ([]byte, error) {
	if !entry.Mode().IsRegular() {
		return nil, errors.New("it is not a plain file")
	}
	r, err := entry.Open()
	if err != nil {
		return nil, err
	}
	text, err := readLimited(r, tunnel.MaxBytes)
	return text, errors.Join(err, r.Close())
}

func badZip(err error, format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	if err != nil {
		message += ": " + err.Error()
	}
	return &failure{
		code: exitInvalid, message: message, err: err,
		hint: "unpack it, look at the files, and import those you want",
	}
}

// writeZip writes tunnels as an archive of NAME.conf.
func writeZip(w io.Writer, tunnels []exported) error {
	archive := zip.NewWriter(w)
	for _, t := range tunnels {
		header := &zip.FileHeader{Name: string(t.name) + ".conf", Method: zip.Deflate}
		header.SetMode(0o600)
		entry, err := archive.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(entry, t.text); err != nil {
			return err
		}
	}
	return archive.Close()
}
