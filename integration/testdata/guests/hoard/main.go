// Command hoard allocates until there is no memory left.
package main

var kept [][]byte

func main() {
	for {
		piece := make([]byte, 1<<20)
		piece[len(kept)%len(piece)] = 1
		kept = append(kept, piece)
	}
}
