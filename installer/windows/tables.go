package windows

import (
	"fmt"
	"strings"
)

// table is rows for a table of the installer's database; see "Database Tables" in
// the documentation of Windows Installer. A number is an int, no value "".
type table struct {
	name    string
	columns []string
	// create is how the table is declared. "": it is there already.
	create string
	rows   [][]any
}

// Kinds of custom actions, which are added up.
const (
	runFile      = 18    // run a file of the package
	runIn        = 34    // run a command line in a folder
	goOn         = 0x40  // whatever comes of it
	unwaited     = 0x80  // and do not wait for it
	onRollback   = 0x100 // when what follows fails
	onCommit     = 0x200 // when all is done, and nothing can fail any more
	inScript     = 0x400 // while files and registry are changed
	asSystem     = 0x800 // and not as the person who installs
	installing   = "NOT REMOVE"
	removing     = `REMOVE~="ALL" AND NOT UPGRADINGPRODUCTCODE`
	firstInstall = "NOT Installed AND NOT OLDERFOUND AND NOT REMOVE"
)

// action is a step of the installer that runs a program.
type action struct {
	name     string
	kind     int
	source   string
	target   string
	when     string
	sequence int
}

// actions are the steps of ours, between those of Windows Installer, which are at
// hundreds.
//
// When a version follows another, the old one is removed first, as a part of the
// same change that can be rolled back; its own steps for removing are left out
// then. So the guard stays shut: its rules are the system's, and nobody opens them.
var actions = []action{
	// A tray that runs would keep its file from being replaced or removed.
	{"CloseTray", runIn + inScript + asSystem + goOn, "ProgramFiles64Folder",
		`"[System64Folder]taskkill.exe" /F /IM ` + Tray, "Installed OR OLDERFOUND", 1550},
	// The service is stopped by now (1900). The guard must not outlast what can open
	// it: where it cannot be opened, nothing is removed.
	{"OpenGuard", runFile + inScript + asSystem, "holdfast.exe", "guard release", removing, 1920},
	{"Unregister", runFile + inScript + asSystem + goOn, "holdfast.exe", "service uninstall", removing, 1940},
	// What the tray keeps of the person who removes the program is theirs, so they
	// remove it, with their own rights.
	{"ForgetPerson", runFile + inScript + goOn, "tray.exe", Forget, removing, 1960},
	// The service is registered at 5800 and started at 5900; in between it is given
	// all that Windows Installer has no words for.
	{"UndoRegister", runFile + inScript + asSystem + onRollback + goOn, "holdfast.exe", "service uninstall", firstInstall, 5840},
	{"Register", runFile + inScript + asSystem, "holdfast.exe", "service install --no-start", installing, 5850},
	// Tunnels and history go when that was asked for, and all else has gone.
	{"Purge", runIn + inScript + asSystem + onCommit + goOn, "ProgramFiles64Folder",
		`"[System64Folder]cmd.exe" /C rmdir /S /Q "[ProgramFiles64Folder]` + Folder + `"`, removing + ` AND PURGE="1"`, 6550},
	// Who installs by hand sees the shield at once, not at the next login.
	{"ShowTray", runFile + goOn + unwaited, "tray.exe", "", installing + " AND UILevel >= 3", 6650},
}

// tables are what wixl has no words for.
func (i Installer) tables() []table {
	const older, newer = 0x1 + 0x100 + 0x200, 0x2 // keep the features, from and up to; only look, above
	sequence := [][]any{
		{"MigrateFeatureStates", "", 1200}, {"RemoveExistingProducts", "", 1510},
		{"RemoveEnvironmentStrings", "", 3300}, {"WriteEnvironmentStrings", "", 5200}, {"FindRelatedProducts", "", 25},
	}
	var custom [][]any
	for _, a := range actions {
		custom = append(custom, []any{a.name, a.kind, a.source, a.target})
		sequence = append(sequence, []any{a.name, a.when, a.sequence})
	}
	return []table{
		{name: "Upgrade", columns: []string{"UpgradeCode", "VersionMin", "VersionMax", "Attributes", "ActionProperty"},
			// The same three numbers may be another build, which takes the place of the
			// one that is there.
			rows: [][]any{
				{"{" + upgradeCode + "}", "0.0.0", i.Version, older, "OLDERFOUND"},
				{"{" + upgradeCode + "}", i.Version, "", newer, "NEWERFOUND"},
			}},
		// The command is found in every terminal that is opened from now on.
		{name: "Environment", columns: []string{"Environment", "Name", "Value", "Component_"},
			create: "`Environment` CHAR(72) NOT NULL, `Name` CHAR(255) NOT NULL LOCALIZABLE, `Value` CHAR(255) LOCALIZABLE, `Component_` CHAR(72) NOT NULL " +
				"PRIMARY KEY `Environment`",
			rows: [][]any{{"Path", "=-*Path", "[~];[InstallFolder]", "Command"}}},
		// A notification belongs to the program whose shortcut names the same ID.
		{name: "MsiShortcutProperty", columns: []string{"MsiShortcutProperty", "Shortcut_", "PropertyKey", "PropVariantValue"},
			create: "`MsiShortcutProperty` CHAR(72) NOT NULL, `Shortcut_` CHAR(72) NOT NULL, `PropertyKey` CHAR(255) NOT NULL, `PropVariantValue` CHAR(255) NOT NULL " +
				"PRIMARY KEY `MsiShortcutProperty`",
			rows: [][]any{{"AppID", "StartMenu", "System.AppUserModel.ID", AppID}}},
		{name: "CustomAction", columns: []string{"Action", "Type", "Source", "Target"}, rows: custom},
		{name: "InstallExecuteSequence", columns: []string{"Action", "Condition", "Sequence"}, rows: sequence},
	}
}

// Statements are what must be done to the database that wixl made, as SQL.
func (i Installer) Statements() []string {
	var all []string
	for _, t := range i.tables() {
		if t.create != "" {
			all = append(all, fmt.Sprintf("CREATE TABLE `%s` (%s)", t.name, t.create))
		}
		for _, row := range t.rows {
			all = append(all, insert(t, row))
		}
	}
	// These must be what the files say of themselves. Windows decides what to install
	// before it removes the older version: where the file that is there says more than
	// the table, it leaves that one, and then removes it.
	for _, file := range []struct{ id, version string }{
		{Program, i.FileVersion}, {"holdfast.exe", i.FileVersion}, {"tray.exe", i.FileVersion}, {"wintun.dll", WintunVersion + ".0"},
	} {
		all = append(all, fmt.Sprintf("UPDATE `File` SET `Version`='%s' WHERE `File`='%s'", file.version, file.id))
	}
	// The registry of 64-bit programs, which 64-bit packages are not asked by default.
	return append(all, "UPDATE `RegLocator` SET `Type`=18 WHERE `Signature_`='WindowsMajor'")
}

func insert(t table, row []any) string {
	var columns, values []string
	for n, value := range row {
		switch v := value.(type) {
		case int:
			values = append(values, fmt.Sprint(v))
		case string:
			if v == "" {
				continue
			}
			// The dialect has no way to write a quote within a text.
			if strings.Contains(v, "'") {
				panic("a quote in a value of the installer: " + v)
			}
			values = append(values, "'"+v+"'")
		}
		columns = append(columns, "`"+t.columns[n]+"`")
	}
	return fmt.Sprintf("INSERT INTO `%s` (%s) VALUES (%s)", t.name, strings.Join(columns, ", "), strings.Join(values, ", "))
}
