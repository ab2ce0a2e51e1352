package qemu

// Pictures of a machine's display.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"

	"github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// maxPicture is the largest picture that is converted, in bytes: a display of
// 8192 by 8192 pixels.
const maxPicture = 3*8192*8192 + 64

// Screendump writes what the machine's display shows into a PNG file. It needs
// Config.Display. QEMU itself writes the file (and, before 7.1, another beside it,
// which is converted): path is made absolute.
func (vm *VM) Screendump(ctx context.Context, path string) error {
	err := vm.screendump(ctx, path)
	if err != nil {
		return fmt.Errorf("screendump %s: %w", path, err)
	}
	return nil
}

func (vm *VM) screendump(ctx context.Context, path string) error {
	abs, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if v := vm.Monitor.Version().QEMU; !(Version{Major: v.Major, Minor: v.Minor}).Before(pngVersion) {
		return vm.Monitor.Do(ctx, "screendump", map[string]any{"filename": abs, "format": "png"}, nil)
	}
	raw := abs + ".ppm"
	defer os.Remove(raw)
	if err := vm.Monitor.Do(ctx, "screendump", map[string]any{"filename": raw}, nil); err != nil {
		return err
	}
	text, err := smallfile.ReadAgain(ctx, raw, maxPicture)
	if err != nil {
		return err
	}
	picture, err := readPPM(text)
	if err != nil {
		return err
	}
	return publish.FileContext(ctx, abs, func(f *os.File) error { return png.Encode(f, picture) })
}

// pngVersion is the oldest QEMU whose screendump writes PNG.
var pngVersion = Version{Major: 7, Minor: 1}

// readPPM reads a binary PPM of 8 bits a colour, as QEMU's screendump writes it
// (netpbm's ppm(5)): "P6\n720 400\n255\n", then the pixels.
func readPPM(b []byte) (image.Image, error) {
	var width, height, most int
	if _, err := fmt.Sscanf(string(b[:min(len(b), 40)]), "P6\n%d %d\n%d\n", &width, &height, &most); err != nil || most != 255 {
		return nil, errors.New("QEMU's picture is no PPM of 8 bits a colour")
	}
	head := fmt.Appendf(nil, "P6\n%d %d\n%d\n", width, height, most)
	pixels, ok := bytes.CutPrefix(b, head)
	if !ok || width < 1 || height < 1 || width > 1<<16 || height > 1<<16 || len(pixels) != 3*width*height {
		return nil, fmt.Errorf("QEMU's picture of %d by %d pixels has %d bytes", width, height, len(pixels))
	}
	picture := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		copy(picture.Pix[4*i:], pixels[3*i:3*i+3])
		picture.Pix[4*i+3] = 0xff
	}
	return picture, nil
}
