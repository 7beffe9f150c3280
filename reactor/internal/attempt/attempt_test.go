package attempt

import "testing"

func TestRemaining(t *testing.T) {
	for _, tc := range [][3]uint64{{0, 5, 0}, {10, 0, 10}, {10, 4, 6}, {10, 10, 1}, {10, 99, 1}} {
		if got := remaining(tc[0], tc[1]); got != tc[2] {
			t.Errorf("remaining(%d, %d) = %d, want %d", tc[0], tc[1], got, tc[2])
		}
	}
}
