package windows

import (
	"bytes"
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"strings"
	"text/template"
)

// upgradeCode names the product through all its versions.
const upgradeCode = "9E8B1F8C-53A4-4F0C-9C55-0B6C0D2E6A41"

// Installer describes one installer file.
type Installer struct {
	// Version has three numbers; Windows compares no more of them.
	Version string
	// FileVersion is the version that our programs carry, of four numbers: of two
	// files the one with the higher version stays.
	FileVersion string
	// Contents is different for every installer with other contents.
	Contents string
}

//go:embed holdfast.wxs
var source string

// Source is what wixl makes the installer of. It names the files of the folder and
// holdfast.ico, which must lie beside it.
func (i Installer) Source() (string, error) {
	t, err := template.New("holdfast.wxs").Funcs(template.FuncMap{"guid": guid}).Parse(source)
	if err != nil {
		return "", fmt.Errorf("read the description of the installer: %w", err)
	}
	service := Define("")
	var b bytes.Buffer
	err = t.Execute(&b, map[string]any{
		"ProductCode": guid("product " + i.Version + " " + i.Contents), "UpgradeCode": upgradeCode,
		"Version": i.Version, "Folder": Folder, "Program": Program, "Tray": Tray,
		"Service": service, "Arguments": strings.TrimPrefix(service.CommandLine, `"" `),
		"RunKey": RunKey, "RunValue": RunValue, "RunArguments": AtLogin,
	})
	if err != nil {
		return "", fmt.Errorf("write the description of the installer: %w", err)
	}
	// A value that breaks the text would be an installer that lacks something.
	if err := xml.Unmarshal(b.Bytes(), new(struct{})); err != nil {
		return "", fmt.Errorf("write the description of the installer: %w", err)
	}
	return b.String(), nil
}

// PackageCode names this file among all others.
func (i Installer) PackageCode() string {
	return "{" + guid("package "+i.Version+" "+i.FileVersion+" "+i.Contents+source+strings.Join(i.Statements(), "")) + "}"
}

// guid is the UUID that belongs to a name of ours (RFC 9562, version 5).
func guid(name string) string {
	space, err := hex.DecodeString(strings.ReplaceAll(upgradeCode, "-", ""))
	if err != nil {
		panic(err)
	}
	sum := sha1.Sum(append(space, name...))
	sum[6] = sum[6]&0x0f | 0x50
	sum[8] = sum[8]&0x3f | 0x80
	return strings.ToUpper(fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16]))
}
