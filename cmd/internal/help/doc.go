// Package help prints the help of commands: what cobra's own templates print, but filled to the width of the terminal,
// and with the commands' aliases in the list of commands.
//
// It is for one goroutine, the one that runs the command. Printing blocks as long as the terminal does.
package help
