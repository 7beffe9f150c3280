package link

import "github.com/reactord/reactord/component/value"

// Parcel is values on their way from one store to another. In a value, a stream or future is a number: its place among the Streams.
// Whoever has a parcel delivers it or discards it.
type Parcel struct {
	Values  []value.Value
	Streams []*Stream // nil: it was delivered
}

// Discard says that nobody gets the parcel, or what is left of it. It may be called from any goroutine.
func (p *Parcel) Discard() {
	discard(p.Streams)
	p.Values, p.Streams = nil, nil
}

// discard says that nobody reads streams.
func discard(streams []*Stream) {
	for _, s := range streams {
		if s != nil {
			s.Drop(nil)
		}
	}
}

// Item is an item of a stream, or the value of a future, on its way. It is a parcel of one value.
type Item struct {
	Value   value.Value
	Streams []*Stream
}

// Discard is Parcel.Discard.
func (i *Item) Discard() {
	discard(i.Streams)
	i.Streams = nil
}

// streamBytes is about what a Stream takes without what is in it.
const streamBytes = 512

// Bytes is about how much memory the item takes.
func (i *Item) Bytes() int64 {
	return int64(value.Size(&i.Value)) + int64(len(i.Streams))*streamBytes
}
