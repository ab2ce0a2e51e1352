// terminal plays recordings of terminals (asciicast, version 2:
// https://docs.asciinema.org/manual/asciicast/v2/) to an emulator that nobody here
// wrote, and draws its screen as DIR/NAME-light.svg and DIR/NAME-dark.svg of each
// NAME.cast: the last one, or with NAME.cast=TEXT the one before TEXT was written.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"image/color"
	"os"
	"path/filepath"
	"strings"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
)

const cellWidth, cellHeight, margin = 8, 18, 16 // pixels

// schemes have the colours behind everything and of what imgasm writes, as it names
// them: nil is none.
var schemes = map[string]struct {
	ground string
	ink    map[color.Color]string
}{
	"light": {"#f6f8fa", map[color.Color]string{nil: "#1f2328", ansi.Red: "#b31d28", ansi.Green: "#116329", ansi.Yellow: "#7d4e00"}},
	"dark":  {"#14171a", map[color.Color]string{nil: "#e6edf3", ansi.Red: "#ff8a80", ansi.Green: "#56d364", ansi.Yellow: "#e3b341"}},
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: terminal DIR NAME.cast[=TEXT]…")
		os.Exit(2)
	}
	for _, arg := range os.Args[2:] {
		if err := picture(os.Args[1], arg); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", arg, err)
			os.Exit(1)
		}
	}
}

func picture(dir, arg string) error {
	cast, until, _ := strings.Cut(arg, "=")
	screen, err := play(cast, until)
	if err != nil {
		return err
	}
	for scheme := range schemes {
		svg, err := draw(screen, scheme)
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(filepath.Base(cast), ".cast") + "-" + scheme + ".svg"
		if err := os.WriteFile(filepath.Join(dir, name), svg, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// play returns a terminal to which a recording was played: a header, then events
// [seconds, "o", what was written], as JSON lines.
func play(cast, until string) (*vt.Emulator, error) {
	b, err := os.ReadFile(cast)
	if err != nil {
		return nil, err
	}
	lines := json.NewDecoder(bytes.NewReader(b))
	var header struct{ Version, Width, Height int }
	if err := lines.Decode(&header); err != nil {
		return nil, err
	}
	if header.Version != 2 {
		return nil, fmt.Errorf("an asciicast of version %d, not 2", header.Version)
	}
	var written strings.Builder
	for lines.More() {
		var event [3]any
		if err := lines.Decode(&event); err != nil {
			return nil, err
		}
		if text, ok := event[2].(string); ok && event[1] == "o" {
			written.WriteString(text)
		}
	}
	text := written.String()
	if until != "" {
		before, _, found := strings.Cut(text, until)
		if !found {
			return nil, fmt.Errorf("%q is never written", until)
		}
		text = before
	}
	screen := vt.NewEmulator(header.Width, header.Height)
	_, err = screen.WriteString(text)
	return screen, err
}

// draw makes a picture of a screen, without the empty lines at its end. Each run of
// one style has its place and length, whatever font the reader has.
func draw(screen *vt.Emulator, scheme string) ([]byte, error) {
	var runs bytes.Buffer
	height := 0
	for y := range screen.Height() {
		for x := 0; x < screen.Width(); {
			start, style, run := x, screen.CellAt(x, y).Style, ""
			for ; x < screen.Width() && screen.CellAt(x, y).Style.Equal(&style); x++ {
				run += screen.CellAt(x, y).Content // nothing, of the second half of a wide letter
			}
			text := strings.TrimSpace(run)
			if text == "" {
				continue
			}
			fill, known := schemes[scheme].ink[style.Fg]
			if !known {
				return nil, fmt.Errorf("%q is written in %v: give it a place in schemes", text, style.Fg)
			}
			looks := ""
			if style.Attrs&uv.AttrBold != 0 {
				looks += ` font-weight="bold"`
			}
			if style.Attrs&uv.AttrFaint != 0 {
				looks += ` opacity="0.7"`
			}
			height = 2*margin + (y+1)*cellHeight
			fmt.Fprintf(&runs, "<text x=\"%d\" y=\"%d\" textLength=\"%d\" fill=%q%s>%s</text>\n",
				margin+(start+strings.Index(run, text))*cellWidth, margin+y*cellHeight+13, ansi.StringWidth(text)*cellWidth,
				fill, looks, strings.ReplaceAll(html.EscapeString(text), " ", "\u00a0")) // spaces that nobody collapses
		}
	}
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="13">
<rect width="100%%" height="100%%" rx="8" fill=%q/>
%s</svg>
`, 2*margin+screen.Width()*cellWidth, height, schemes[scheme].ground, runs.Bytes()), nil
}
