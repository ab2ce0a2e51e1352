package kickstart_test

import (
	"testing"

	"github.com/imgasm/imgasm/kickstart"
)

func TestLocator(t *testing.T) {
	src := "\ufeffaé b\r\n\vx\n世界"
	f, err := kickstart.Parse("x", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	locate := f.Locator()
	for _, tc := range []struct{ line, column, want int }{
		{1, 1, 0}, {1, 2, 3}, {1, 4, 6}, {1, 100, 8}, {2, 1, 10}, {3, 1, 11}, {3, 2, 12}, {4, 2, 16}, {4, 9, 19}, {5, 1, 19}, {0, 1, 19},
	} {
		if got := locate(tc.line, tc.column); got != tc.want {
			t.Errorf("line %d, column %d: byte %d, want %d", tc.line, tc.column, got, tc.want)
		}
	}
	// The tree's own positions are the same.
	for _, n := range f.Nodes {
		if p := n.Pos(); locate(p.Line, p.Column) != p.Offset {
			t.Errorf("%v is located at %d, not %d", p, locate(p.Line, p.Column), p.Offset)
		}
	}
}
