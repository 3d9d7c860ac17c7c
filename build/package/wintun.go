package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"holdfast/installer/windows"
)

// The inputs for wintun.dll, as variables of the environment.
const (
	// wintunFile is the path of the archive of its makers, or of the DLL alone.
	wintunFile = "HOLDFAST_WINTUN"
	// wintunMirrors are addresses of the archive, separated by spaces, that are tried
	// before its makers' own. The sum decides, not the place.
	wintunMirrors = "HOLDFAST_WINTUN_MIRRORS"
)

// wintun is the library that makes the tunnel's interface, and its licence, which
// must go with it.
type wintun struct{ library, licence []byte }

// part is what the bill of materials says of it.
func (w wintun) part() part {
	return part{
		name: "wintun", version: windows.WintunVersion, licence: "Prebuilt Binaries License of Wintun",
		purl: "pkg:generic/wintun@" + windows.WintunVersion + "?download_url=" + url.QueryEscape(windows.WintunURL) + "&checksum=sha256:" + windows.WintunArchive,
		in:   []string{"holdfastd"},
	}
}

// loneLicence goes with a DLL that came without its archive. It is not the text that
// a package for others must hold.
const loneLicence = `wintun.dll is made by WireGuard LLC and used as they publish it, see
https://www.wintun.net. The licence of the prebuilt library is in the archive
that it comes in; this package was made without it, and is not to be handed on.
`

// maxWintun is more than the archive has, in bytes.
const maxWintun = 8 << 20

// findWintun takes wintun.dll from where the environment says, or fetches it. What
// is not the pinned one is refused.
func findWintun(ctx context.Context, env func(string) string, arch string) (wintun, error) {
	if path := env(wintunFile); path != "" {
		data, err := os.ReadFile(path)
		if err != nil {
			return wintun{}, fmt.Errorf("%s: %w", wintunFile, err)
		}
		found, err := openWintun(data, arch)
		if err != nil {
			return wintun{}, fmt.Errorf("%s: %w", path, err)
		}
		return found, nil
	}
	return fetchWintun(ctx, append(strings.Fields(env(wintunMirrors)), windows.WintunURL), arch)
}

// fetchWintun takes the archive from the first of the addresses that has it.
func fetchWintun(ctx context.Context, urls []string, arch string) (wintun, error) {
	var failed []error
	for _, address := range urls {
		data, err := download(ctx, address)
		if err == nil {
			var found wintun
			if found, err = openWintunArchive(data, windows.WintunArchive, arch); err == nil {
				return found, nil
			}
		}
		failed = append(failed, fmt.Errorf("%s: %w", address, err))
	}
	return wintun{}, fmt.Errorf("wintun.dll is not to be had; name its archive, or the DLL, by %s:\n%w", wintunFile, errors.Join(failed...))
}

// openWintun takes an archive, or the DLL itself.
func openWintun(data []byte, arch string) (wintun, error) {
	if bytes.HasPrefix(data, []byte("PK")) {
		return openWintunArchive(data, windows.WintunArchive, arch)
	}
	if err := windows.CheckWintun(data, arch); err != nil {
		return wintun{}, err
	}
	return wintun{data, []byte(loneLicence)}, nil
}

// openWintunArchive takes an archive whose SHA-256 is sum.
func openWintunArchive(data []byte, sum, arch string) (wintun, error) {
	if got := sha256.Sum256(data); hex.EncodeToString(got[:]) != sum {
		return wintun{}, fmt.Errorf("not the archive of wintun %s: its SHA-256 is %x, not %s", windows.WintunVersion, got, sum)
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return wintun{}, err
	}
	var found wintun
	for name, to := range map[string]*[]byte{"wintun/bin/" + arch + "/wintun.dll": &found.library, "wintun/LICENSE.txt": &found.licence} {
		f, err := z.Open(name)
		if err != nil {
			return wintun{}, err
		}
		*to, err = io.ReadAll(io.LimitReader(f, maxWintun))
		if err = errors.Join(err, f.Close()); err != nil {
			return wintun{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	return found, windows.CheckWintun(found.library, arch)
}

// download fetches what is at an address.
func download(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, errors.New(answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, maxWintun))
}
