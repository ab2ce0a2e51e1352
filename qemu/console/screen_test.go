package console

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hinshun/vt10x"
)

const attach = "\x1b[1;24r\x1b[1;1H" // as tmux begins

func TestScreenLines(t *testing.T) {
	sentence := "A " + strings.Repeat("long ", 40) + "line"
	numbered := func(first, last int) string {
		var b strings.Builder
		for i := first; i <= last; i++ {
			fmt.Fprintf(&b, "Installing package-%d.noarch (%d/99)\x1b[K\r\n", i, i)
		}
		return b.String()
	}
	plain := func(s string) string {
		return strings.ReplaceAll(strings.ReplaceAll(s, "\x1b[K", ""), "\r", "")
	}
	tests := []struct{ name, in, want string }{
		{"lines", "a\r\nb\r\n", "a\nb\n"},
		{"more lines than rows", numbered(1, 60), plain(numbered(1, 60))},
		{"a line wrapped by the terminal is one line", sentence + "\r\n", sentence + "\n"},
		{"also at the bottom", strings.Repeat("\r\n", 30) + sentence + "\r\n", sentence + "\n"},
		{"a line of exactly 80", strings.Repeat("=", 80) + "\x1b[2;1Hx\r\n", strings.Repeat("=", 80) + "\nx\n"},
		{"the same again in place", "a\r\nb\r\n\x1b[1;1Ha\x1b[K\r\nb\x1b[K\r\n", "a\nb\n"},
		{
			"the same again, moved up, with a new line",
			"a\r\nb\r\nc\r\n\x1b[Hb\x1b[K\r\nc\x1b[K\r\nd\x1b[K\r\n\x1b[K", "a\nb\nc\nd\n",
		},
		{"the same again after clearing", "a\r\nb\r\n\x1b[H\x1b[Ja\r\nb\r\nc\r\n", "a\nb\nc\n"},
		{"a line that grows is told when it ends", "Starting\x1b[24;1H\x1b[7m[anaconda]1:main* 2:shell\x1b[m\x1b[1;9H...\r\n", "Starting...\n"},
		{"tmux's status line is not told", "\x1b[24;1H[anaconda]1:main* 2:shell  3:log\x1b[1;1Ha\r\n", "a\n"},
		{"text that changed is told again", "a\r\nb\r\n\x1b[1;1HA\x1b[2;1H\r\n", "a\nb\nA\n"},
		{"rows deleted", "a\r\nb\r\nc\r\n\x1b[1;1H\x1b[M\x1b[3;1Hd\r\n", "a\nb\nc\nd\n"},
		{"a line feed in a region scrolls it", "x\x1b[1;23r\x1b[23;1H\n\x1b[K\x1b[1;24r\x1b[23;1Hy\x1b[1;23r\x1b[23;1H\n", "x\n~y\n"},
		{"tmux scrolls and then comes back to the line", "\x1b[23;1HRuntimeError\x1b[1;23r\x1b[23;1H\n\x1b[22;13H: boom\r\n\x1b[K", "RuntimeError: boom\n"},
		{"also after scrolling by two", "\x1b[23;1HRuntimeError\x1b[1;23r\x1b[23;1H\n\n\x1b[21;13H: boom\r\nnext\r\n", "RuntimeError: boom\nnext\n"},
		{"tmux scrolls and goes on", "\x1b[23;1Ha\x1b[1;23r\x1b[23;1H\n\x1b[K\x1b[1;24r\x1b[23;1H", "a\n"},
		{"reset ends the screen", "a\x1bc[    1.000000] b\r\n", "a\nb\n"},
		{"a kernel line in the middle", "Installing\r\n[    1.000000] Kernel panic - not syncing: x\r\n", "Installing\nKernel panic - not syncing: x\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, size := range []int{0, 1} {
				got := texts(records([]byte(attach+tt.in), size))
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("pieces of %d (-want +got):\n%s", size, diff)
				}
			}
		})
	}
}

// A wide console shows its width in the status line, which tmux pads to it.
func TestScreenWidth(t *testing.T) {
	status := "\x1b[24;1H\x1b[7m[anaconda]1:main* 2:shell" + strings.Repeat(" ", 174) + "\x1b[m\x1b[1;1H"
	long := strings.Repeat("0123456789", 15)
	got := texts(records([]byte(attach+status+long+"\r\nnext\r\n"), 0))
	if want := long + "\nnext\n"; got != want {
		t.Errorf("got %q", got)
	}
}

// The screen against an independent terminal: whatever is drawn, both show the same.
func TestScreenAgainstVT10x(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for trial := range 300 {
		stream := "\r" + attach + randomStream(random, 200)
		r := NewReader(func(Record) {})
		r.Write([]byte(stream))
		other := vt10x.New(vt10x.WithSize(screenCols, screenRows))
		other.Write([]byte(stream))
		for y := range screenRows {
			mine := strings.TrimRight(string(r.screen.rows[y].appendTo(nil, screenCols)), " ")
			var b strings.Builder
			for x := range screenCols {
				c := other.Cell(x, y).Char
				if c == 0 {
					c = ' '
				}
				b.WriteRune(c)
			}
			if theirs := strings.TrimRight(b.String(), " "); mine != theirs {
				t.Fatalf("trial %d, row %d: %q, vt10x has %q\n%q", trial, y+1, mine, theirs, stream)
			}
		}
	}
}

// randomStream draws with the sequences that tmux uses on a VT220.
func randomStream(random *rand.Rand, n int) string {
	var b strings.Builder
	for range n {
		switch random.Intn(16) {
		case 0:
			b.WriteString("\r\n")
		case 1:
			b.WriteString("\n")
		case 2:
			fmt.Fprintf(&b, "\x1b[%d;%dH", 1+random.Intn(24), 1+random.Intn(80))
		case 3:
			fmt.Fprintf(&b, "\x1b[%dA", 1+random.Intn(5))
		case 4:
			fmt.Fprintf(&b, "\x1b[%dC", 1+random.Intn(9))
		case 5:
			b.WriteString("\x1b[K")
		case 6:
			fmt.Fprintf(&b, "\x1b[%dX", 1+random.Intn(9))
		case 7:
			fmt.Fprintf(&b, "\x1b[%d;%dr", 1+random.Intn(5), 20+random.Intn(5))
		case 8:
			fmt.Fprintf(&b, "\x1b[%dL", 1+random.Intn(3))
		case 9:
			fmt.Fprintf(&b, "\x1b[%dM", 1+random.Intn(3))
		case 10:
			fmt.Fprintf(&b, "\x1b[%dP", 1+random.Intn(9))
		case 11:
			b.WriteString("\x1b[J")
		default:
			b.WriteString(strings.Repeat(string(rune('a'+random.Intn(26))), 1+random.Intn(100)))
		}
	}
	return b.String()
}
