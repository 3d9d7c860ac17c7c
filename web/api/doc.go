// Package api is the vocabulary between the service and whoever talks to it:
// the JSON bodies of every route under /api/v1, the error they share, and the
// queries that the history answers.
//
// It holds types only. It does no I/O, never reads the clock, and never holds a
// private or preshared key, except in Export, which exists to carry them.
// Slices in replies are never nil, so that JSON shows [] and not null.
package api

import "holdfast/service/status"

// Schema is the version of every JSON object here.
const Schema = status.Schema

// Host is the Host header of every request on the socket. Requests with
// another one are refused, so that no web page can reach it by rebinding.
const Host = "holdfast"

// Prefix comes before every route except /metrics.
const Prefix = "/api/v1"

// MaxConfig is the longest configuration text that is read, in bytes.
const MaxConfig = 256 << 10
