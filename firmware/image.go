// Opens firmware images, raw or qcow2, as something that can be read at an
// offset. A qcow2's header is vetted before the reader library sees it: the
// library follows backing files and believes the sizes in the header.

package firmware

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/lima-vm/go-qcow2reader"

	"github.com/imgasm/imgasm/internal/smallfile"
)

// image is an open firmware image.
type image struct {
	io.ReaderAt
	format Format
	size   int64
	close  func() error
}

func (i *image) Close() error { return i.close() }

var qcow2Magic = []byte("QFI\xfb")

func openImage(path string) (_ *image, err error) {
	f, err := smallfile.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	head := make([]byte, 104)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	head = head[:n]
	if n < 4 || string(head[:4]) != string(qcow2Magic) {
		if st.Size() == 0 {
			return nil, errors.New("is empty")
		}
		return &image{ReaderAt: f, format: Raw, size: st.Size(), close: f.Close}, nil
	}
	if err := vetQcow2(head, st.Size()); err != nil {
		return nil, err
	}
	img, err := qcow2reader.Open(f)
	if err != nil {
		return nil, fmt.Errorf("qcow2: %w", err)
	}
	return &image{ReaderAt: img, format: Qcow2, size: img.Size(), close: func() error { return errors.Join(img.Close(), ignoreClosed(f.Close())) }}, nil
}

// ignoreClosed: the reader library closes the file with the image.
func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// vetQcow2 refuses headers that a firmware image never has and that lead the
// reader astray. (QEMU's docs/interop/qcow2.txt, "Header".)
func vetQcow2(h []byte, fileSize int64) error {
	be := binary.BigEndian
	if len(h) < 72 {
		return fmt.Errorf("qcow2: the header ends after %d bytes", len(h))
	}
	version := be.Uint32(h[4:])
	switch {
	case version != 2 && version != 3:
		return fmt.Errorf("qcow2: version %d, not 2 or 3", version)
	case version == 3 && len(h) < 104:
		return fmt.Errorf("qcow2: the header ends after %d bytes", len(h))
	case be.Uint64(h[8:]) != 0:
		return errors.New("qcow2: has a backing file; firmware must be whole")
	case be.Uint32(h[32:]) != 0:
		return errors.New("qcow2: is encrypted")
	}
	bits := be.Uint32(h[20:])
	if bits < 9 || bits > 21 {
		return fmt.Errorf("qcow2: clusters of 2^%d bytes; 2^9 to 2^21 are allowed", bits)
	}
	size := be.Uint64(h[24:])
	if size == 0 || size > maxFlash {
		return fmt.Errorf("qcow2: virtual size of %d bytes; firmware has at most 64 MiB", size)
	}
	// Dirty and corrupt bits, external data file, extended L2, compression
	// types: a firmware image has none but perhaps a compression type.
	if version == 3 {
		if f := be.Uint64(h[72:]); f&^(1<<3) != 0 {
			return fmt.Errorf("qcow2: incompatible features %#x", f)
		}
	}
	clusterSize := uint64(1) << bits
	perL2 := clusterSize / 8 * clusterSize // bytes that one L2 table maps
	l1, l1Offset := uint64(be.Uint32(h[36:])), be.Uint64(h[40:])
	if want := (size + perL2 - 1) / perL2; l1 < want || l1 > want+maxFlash/512 {
		return fmt.Errorf("qcow2: L1 table of %d entries; %d are needed", l1, want)
	}
	if l1Offset > uint64(fileSize) || l1*8 > uint64(fileSize)-l1Offset {
		return errors.New("qcow2: the L1 table lies past the end of the file")
	}
	return nil
}
