//go:build unix

package guard

import "strconv"

// pfAnchor is where our rules are. The system's own /etc/pf.conf asks all that
// is below com.apple, by name in order; its first character puts ours before
// Apple's, whose own "quick" rules would else decide before.
const pfAnchor = "com.apple/000.holdfast"

// pfFuse is a shell's script that ends a pause, whatever becomes of us: pf knows
// no time. It is given the rules that are to follow on its input, and as
// arguments the seconds, the anchor, the label of the pause, and pfctl. Where
// the pause has ended otherwise it changes nothing.
const pfFuse = `rules=$(/bin/cat); /bin/sleep "$1"
"$4" -q -a "$2" -s rules 2>/dev/null | while read -r line; do
	case $line in *"\"$3\""*)
		printf '%s\n' "$rules" | "$4" -q -o none -a "$2" -f - && exec "$4" -q -F states
	esac
done`

// pfFuseArguments are those of the shell that runs it.
func pfFuseArguments(seconds int, pause, pfctl string) []string {
	return []string{"-c", pfFuse, "holdfast-fuse", strconv.Itoa(seconds), pfAnchor, pause, pfctl}
}
