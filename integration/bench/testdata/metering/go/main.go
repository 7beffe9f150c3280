// A Go program of what servers do: hash, compress, sort, encode.
package main

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/json"
	"io"
	"slices"
	"strings"
)

type record struct {
	ID    int               `json:"id"`
	Name  string            `json:"name"`
	Tags  []string          `json:"tags"`
	Attrs map[string]string `json:"attrs"`
}

func main() {
	var b [1]byte
	println(work(10), b[0])
}

//go:wasmexport run
func run(rounds int32) int32 { return work(int(rounds)) }

func work(rounds int) int32 {
	var sum int32
	for r := range rounds {
		seed := uint32(r + 1)
		next := func() uint32 {
			seed = seed*1664525 + 1013904223
			return seed >> 8
		}
		records := make([]record, 200)
		for i := range records {
			records[i] = record{
				ID:    int(next()),
				Name:  strings.Repeat("name", int(next()%5)+1),
				Tags:  []string{"alpha", "beta", "gamma"}[:next()%4],
				Attrs: map[string]string{"color": "red", "size": "large"},
			}
		}
		slices.SortFunc(records, func(a, b record) int { return a.ID - b.ID })
		text, err := json.Marshal(records)
		if err != nil {
			panic(err)
		}
		var packed bytes.Buffer
		w, _ := flate.NewWriter(&packed, 6)
		w.Write(text)
		w.Close()
		plain, _ := io.ReadAll(flate.NewReader(&packed))
		var back []record
		if err := json.Unmarshal(plain, &back); err != nil {
			panic(err)
		}
		digest := sha256.Sum256(plain)
		sum = sum*31 + int32(digest[0]) + int32(len(back))
	}
	return sum
}
