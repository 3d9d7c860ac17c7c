package main

import "holdfast/service/tunnel"

// Verb is what choosing an item does.
type Verb string

// The verbs. The zero verb does nothing.
const (
	Open          Verb = "open" // the page
	Connect       Verb = "connect"
	Disconnect    Verb = "disconnect"
	Reconnect     Verb = "reconnect"
	SwitchTo      Verb = "switch"
	Set           Verb = "set"
	GuardOn       Verb = "guard on"
	GuardOff      Verb = "guard off"
	GuardPause    Verb = "guard pause"
	PauseHour     Verb = "pause for an hour"
	PauseTomorrow Verb = "pause until tomorrow"
	Resume        Verb = "resume notifications"
	Diagnostics   Verb = "copy diagnostics"
	Quit          Verb = "quit"
)

// Command is a verb and what it is about.
type Command struct {
	Verb    Verb
	Name    tunnel.Name // Connect, SwitchTo
	Setting string      // Set
	Value   string      // Set
	Notice  int64       // Open: the notice to bring into view; 0: none
}
