package admission

import (
	"slices"
	"strings"
	"testing"
)

// run plays a script: "+a1" pushes a1 for tenant a, "^a1" pushes it to the front, "-a1" removes
// it, "." pops. It returns what was popped.
func run(t *testing.T, q *Queue[string], script string) (popped []string) {
	t.Helper()
	items := map[string]*Item[string]{}
	for op := range strings.FieldsSeq(script) {
		name := op[1:]
		if op == "." {
			if it := q.Pop(); it != nil {
				popped = append(popped, it.Value)
			} else {
				popped = append(popped, "none")
			}
			continue
		}
		if items[name] == nil {
			items[name] = &Item[string]{Value: name}
		}
		switch op[0] {
		case '+':
			q.Push(name[:1], items[name])
		case '^':
			q.PushFront(name[:1], items[name])
		case '-':
			if !q.Remove(items[name]) {
				popped = append(popped, "absent:"+name)
			}
		}
	}
	return popped
}

func TestQueue(t *testing.T) {
	for _, tc := range []struct{ name, script, want string }{
		{"empty", ".", "none"},
		{"first come first served", "+a1 +a2 +a3 . . . .", "a1 a2 a3 none"},
		{"tenants in turn", "+a1 +a2 +a3 +b1 +c1 . . . . .", "a1 b1 c1 a2 a3"},
		{"a newcomer is served this round", "+a1 +a2 . +b1 . .", "a1 a2 b1"},
		{"a long line does not delay another", "+a1 +a2 +a3 +a4 . +b1 +b2 . . . .", "a1 a2 b1 a3 b2"},
		{"put back keeps its place", "+a1 +a2 . ^a1 . .", "a1 a1 a2"},
		{"removed in the middle", "+a1 +a2 +a3 -a2 . . .", "a1 a3 none"},
		{"removing the last passes the turn", "+a1 +b1 -a1 . .", "b1 none"},
		{"removed twice", "+a1 -a1 -a1 .", "absent:a1 none"},
		{"removed after it was taken", "+a1 . -a1", "a1 absent:a1"},
		{"used again after it emptied", "+a1 . +a2 +b1 . .", "a1 a2 b1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var q Queue[string]
			if got := run(t, &q, tc.script); !slices.Equal(got, strings.Fields(tc.want)) {
				t.Errorf("%s: got %v, want %s", tc.script, got, tc.want)
			}
		})
	}
}

func FuzzQueue(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 255, 254, 253})
	f.Add([]byte{0, 64, 128, 200, 201, 202, 255, 255, 255})
	f.Fuzz(func(t *testing.T, ops []byte) {
		var q Queue[int]
		items := make([]Item[int], 32)
		lines := map[string][]int{}
		for i := range items {
			items[i].Value = i
		}
		total := func() (n int) {
			for _, l := range lines {
				n += len(l)
			}
			return n
		}
		for _, op := range ops {
			i := int(op & 31)
			tenant := string(rune('a' + i%3))
			switch op >> 5 {
			case 0, 1, 2:
				if !items[i].Queued() {
					q.Push(tenant, &items[i])
					lines[tenant] = append(lines[tenant], i)
				}
			case 3:
				if !items[i].Queued() {
					q.PushFront(tenant, &items[i])
					lines[tenant] = append([]int{i}, lines[tenant]...)
				}
			case 4, 5:
				if had := slices.Contains(lines[tenant], i); q.Remove(&items[i]) != had {
					t.Fatalf("Remove(%d) does not agree with the model: %v", i, lines)
				}
				lines[tenant] = slices.DeleteFunc(lines[tenant], func(v int) bool { return v == i })
			default:
				it := q.Pop()
				if (it == nil) != (total() == 0) {
					t.Fatalf("Pop = %v of %v", it, lines)
				}
				if it != nil {
					tenant := string(rune('a' + it.Value%3))
					if lines[tenant][0] != it.Value {
						t.Fatalf("Pop = %d of %v", it.Value, lines)
					}
					lines[tenant] = lines[tenant][1:]
				}
			}
			if q.Len() != total() {
				t.Fatalf("Len = %d of %v", q.Len(), lines)
			}
		}
	})
}
