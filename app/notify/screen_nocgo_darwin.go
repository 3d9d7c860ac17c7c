//go:build !cgo

package notify

// OpenScreen shows notes by osascript: UserNotifications is reached by cgo.
func OpenScreen(ScreenOptions) (Screen, error) { return scriptScreen{}, nil }
