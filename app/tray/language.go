package main

import "strings"

// listedLanguages reads a list as macOS prints it: in brackets, one word a line,
// those in quotation marks that are not of letters alone.
func listedLanguages(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n(),\"", r) })
}
