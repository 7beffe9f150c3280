// Package screen writes for people: it knows how wide the terminal is, whether it has colours, and how to draw a part
// of it again in place. What is no terminal gets the same text without colours, uncut.
//
// A [Line] consists of spans of text, each with a [Style]. Texts may come from others, so they are made printable here,
// and only here do colours and movements of the cursor come from.
//
// A Screen and what is made of it are for one goroutine at a time. Writing blocks as long as the terminal does.
package screen
