// Package store keeps the history on disk: events, samples and notices in
// SQLite, and the wish in a small file of its own that survives a damaged
// database.
//
// Nothing that must go on waits for the disk. What is appended is queued in
// memory and one goroutine writes it; while the disk refuses, the queue is
// bounded, live streams go on and Health says why. The settings kept here are
// the service's own memory; the person's settings live in holdfast.toml.
//
// The package never keeps a key or a config, never opens a database that
// another process holds, and never deletes one that it cannot read: it moves
// it aside.
package store
