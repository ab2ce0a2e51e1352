// This file writes media by themselves, outside of a build: what the command
// "imgasm media" does.

package boot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/assemble/readback"
	"github.com/imgasm/imgasm/internal/derive"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/tree"
)

// ErrEpoch is what a SOURCE_DATE_EPOCH is refused with that is no date.
var ErrEpoch = fault.Class(fault.Input, "SOURCE_DATE_EPOCH must be a number of seconds since 1970, and no later than 2155")

// Date is the date of everything on a medium: SOURCE_DATE_EPOCH, or if that is
// "" the seed's: see derive.Date. It is never the clock's.
func Date(epoch, seed string) (time.Time, error) {
	if epoch != "" {
		n, err := strconv.ParseInt(epoch, 10, 64)
		// 2155 is the last year of ISO 9660.
		if t := time.Unix(n, 0).UTC(); err == nil && n >= 0 && t.Year() <= 2155 {
			return t, nil
		}
		return time.Time{}, fmt.Errorf("%q: %w", epoch, ErrEpoch)
	}
	return derive.Date(seed), nil
}

// Volume is a kickstart and what it reads, to be put on an OEMDRV volume.
type Volume struct {
	Kickstart string // path on this machine
	// Text is what is in Kickstart, where it is read already; else nil.
	Text []byte
	// Extra are more files: "PATH" (put at the top under its own name) or
	// "NAME=PATH". Folders are taken with all that is in them.
	Extra []string
}

// Files lists the volume's contents.
func (v Volume) Files() ([]iso.File, error) {
	ks := tree.Bytes(iso.KickstartName, v.Text)
	if v.Text == nil {
		var err error
		if ks, err = tree.Host(iso.KickstartName, v.Kickstart); err != nil {
			return nil, err
		}
	}
	files := []iso.File{ks}
	for _, extra := range v.Extra {
		name, source, ok := strings.Cut(extra, "=")
		if !ok {
			name, source = filepath.Base(extra), extra
		}
		more, err := hostFiles(path.Clean(filepath.ToSlash(name)), source)
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	return files, iso.CheckOEMDRV(files)
}

// hostFiles is one file, or all files of a folder.
func hostFiles(name, source string) ([]iso.File, error) {
	info, err := os.Stat(source)
	if err != nil {
		return nil, &fault.Error{Class: tree.ErrUnreadable, Err: err}
	}
	if !info.IsDir() {
		f, err := tree.Host(name, source)
		return []iso.File{f}, err
	}
	files := []iso.File{tree.Dir(name)}
	err = filepath.WalkDir(source, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(source, p)
		if err != nil {
			return err
		}
		f, err := tree.Host(path.Join(name, filepath.ToSlash(rel)), p)
		files = append(files, f)
		return err
	})
	return files, err
}

// seed is a hash over what a medium is made from: texts, and files' contents.
func seed(files []iso.File, texts ...string) (string, error) {
	h := sha256.New()
	for _, t := range texts {
		fmt.Fprintf(h, "%d:%s", len(t), t)
	}
	for _, f := range files {
		fmt.Fprintf(h, "%d:%s%d:", len(f.Path), f.Path, f.SizeBytes)
		if err := tree.Copy(struct{ io.Writer }{h}, f); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// WriteVolume writes an OEMDRV volume to an empty file, and has it read back: see
// readback.OEMDRV. note is told what could not be read back; nil: nobody is.
func WriteVolume(f *os.File, files []iso.File, t time.Time, note func(text string)) error {
	if err := iso.WriteOEMDRV(f, files, t); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	unread, err := readback.OEMDRV(f, info.Size(), files)
	return noteUnread(note, unread, err)
}

// WriteMedium writes a boot medium to an empty file, and has it read back: see
// readback.BootMedium. oemdrv are the files of its OEMDRV volume. See WriteVolume.
func WriteMedium(f *os.File, m disk.BootMedium, oemdrv []iso.File, note func(text string)) error {
	if err := disk.WriteBootMedium(f, m); err != nil {
		return err
	}
	return readBack(f, m, oemdrv, note)
}

func readBack(f *os.File, m disk.BootMedium, oemdrv []iso.File, note func(text string)) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	unread, err := readback.BootMedium(f, info.Size(), m, oemdrv)
	return noteUnread(note, unread, err)
}

// noteUnread notes what was left unread, and returns err.
func noteUnread(note func(text string), unread, err error) error {
	if unread != nil && note != nil {
		note(unread.Error())
	}
	return err
}

// WriteOEMDRV writes an OEMDRV volume to the file out, which is its owner's alone
// (mode 0600), as is every medium with a kickstart. epoch is that of Date, note
// that of WriteVolume.
func WriteOEMDRV(out string, v Volume, epoch string, note func(text string)) error {
	files, err := v.Files()
	if err != nil {
		return err
	}
	s, err := seed(files, "oemdrv")
	if err != nil {
		return err
	}
	t, err := Date(epoch, s)
	if err != nil {
		return err
	}
	return publish.Private(context.Background(), out, func(f *os.File) error { return WriteVolume(f, files, t, note) })
}

// Source is what boot media are made from.
type Source struct {
	ISO        string   // path of an installer ISO
	Volume     *Volume  // the kickstart and what lies beside it; nil for none
	Deliver    Deliver  // see Boot; what lies beside the kickstart is on the volume only
	Installer  bool     // see Boot
	KernelArgs []string // see Boot
	// Progress is told how many bytes are on disk, first of all 0, when nothing
	// is wrong with what the medium is made of; nil: nobody is.
	Progress func(done, total int64)
	Note     func(text string) // see WriteVolume
}

// syncEvery is how many bytes may be written and not yet be on disk. Without
// a bound, gigabytes are written in no time, and then nothing can be said, and
// nobody can stop it, until they are on the disk.
const syncEvery = 32 << 20

// WriteBoot writes a disk that boots an installer to the file out, and says
// what the installer is. epoch is that of Date. If ctx ends, so does the work,
// with an error that wraps ctx's cause.
func WriteBoot(ctx context.Context, out string, s Source, epoch string) (*iso.Installer, error) {
	in, err := writeBoot(ctx, out, s, epoch)
	if cause := context.Cause(ctx); cause != nil && errors.Is(err, cause) {
		return nil, fmt.Errorf("%w: %s was not complete, and nothing of it is kept", cause, out)
	}
	return in, err
}

func writeBoot(ctx context.Context, out string, s Source, epoch string) (*iso.Installer, error) {
	img, err := iso.Open(ctx, s.ISO)
	if err != nil {
		return nil, err
	}
	defer img.Close()
	in, err := img.Installer()
	if err != nil {
		return nil, err
	}
	b := Medium{KernelArgs: s.KernelArgs, Installer: s.Installer, Deliver: s.Deliver}
	if s.Volume != nil {
		if b.OEMDRV, err = s.Volume.Files(); err != nil {
			return nil, err
		}
	}
	// The ISO is told apart by its descriptor: hashing gigabytes would cost
	// more than making the medium.
	texts := append([]string{"boot", img.Label, img.Created.String(), strconv.FormatInt(img.SizeBytes, 10),
		strconv.FormatBool(s.Installer)}, s.KernelArgs...)
	if s.Deliver.InInitrd() {
		texts = append(texts, "deliver "+string(s.Deliver))
	}
	if b.Seed, err = seed(b.OEMDRV, texts...); err != nil {
		return nil, err
	}
	if b.Time, err = Date(epoch, b.Seed); err != nil {
		return nil, err
	}
	m, err := b.Disk(img)
	if err != nil {
		return nil, err
	}
	write := publish.FileContext
	if s.Volume != nil {
		write = publish.Private // passwords, or their hashes, and what scripts read
	}
	return in, write(ctx, out, func(f *os.File) error {
		w := &writing{ctx: ctx, f: f, total: m.ContentBytes(), progress: s.Progress}
		img.Piece = w.piece
		if w.progress != nil {
			w.progress(0, w.total)
		}
		if err := disk.WriteBootMedium(f, m); err != nil {
			return err
		}
		img.Piece = func(int64) error { return context.Cause(ctx) } // read again: no more progress
		return readBack(f, m, b.OEMDRV, s.Note)
	})
}

// writing is a medium on its way to the disk.
type writing struct {
	ctx          context.Context
	f            *os.File
	done, synced int64 // bytes written, and of them on disk for sure
	total        int64
	progress     func(done, total int64)
}

// piece is called when so many more bytes have been written.
func (w *writing) piece(bytes int64) error {
	if err := context.Cause(w.ctx); err != nil {
		return err
	}
	if w.done += bytes; w.done-w.synced < syncEvery {
		return nil
	}
	if err := publish.Sync(w.ctx, w.f); err != nil {
		return err
	}
	if w.synced = w.done; w.progress != nil {
		w.progress(w.synced, w.total)
	}
	return nil
}

// WriteDisk writes a blank disk, with a partition table if layout is not "":
// see disk.ParseLayout. size is disk.ParseSize's.
func WriteDisk(out, size, layout string) error {
	n, err := disk.ParseSize(size)
	if err != nil {
		return err
	}
	var l disk.Layout
	if layout != "" {
		if l, err = disk.ParseLayout(layout, n, "imgasm media disk "+strconv.FormatInt(n, 10)+" "+layout); err != nil {
			return err
		}
	}
	return publish.File(out, func(f *os.File) error {
		if err := disk.Blank(f, n); err != nil || layout == "" {
			return err
		}
		return disk.WriteGPT(f, l)
	})
}
