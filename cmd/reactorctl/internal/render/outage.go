package render

import (
	"strings"

	"github.com/reactord/reactord/cmd/internal/screen"
)

// Outage returns what there is to say about a daemon that is gone, as a line of the screen: if there is too little room its
// address is cut, in the middle.
func Outage(text, address string, columns int) screen.Line {
	room := columns - (screen.Width(text) - screen.Width(address))
	if address != "" && room < screen.Width(address) {
		text = strings.Replace(text, address, screen.CutMiddle(address, max(room, 0)), 1)
	}
	return screen.Line{{Text: text, Style: screen.Notable}}
}
