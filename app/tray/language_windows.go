package main

import "golang.org/x/sys/windows"

// desktopLanguages are those of the desktop, the preferred first.
func desktopLanguages() []string {
	tags, err := windows.GetUserPreferredUILanguages(windows.MUI_LANGUAGE_NAME)
	if err != nil {
		return nil
	}
	return tags
}
