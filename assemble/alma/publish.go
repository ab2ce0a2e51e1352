// Publishing: an output appears whole, under its name, or not at all, and with
// it what speaks of it.

package alma

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/imgasm/imgasm/assemble/lock"
	"github.com/imgasm/imgasm/internal/event"
	whole "github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/size"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// metadataName is the file that describes an image, beside it.
func metadataName(image string) string { return image + ".json" }

// publish puts the image, its description and the further records in place.
func (b *build) publish(ctx context.Context) (string, error) {
	if err := b.identify(ctx); err != nil {
		return "", err
	}
	sum, imageBytes, err := b.wholeImage(ctx)
	if err != nil {
		return "", err
	}
	meta := b.describeImage(File{Name: filepath.Base(b.Out), Size: imageBytes, SHA256: sum})
	all, err := b.outputs()
	if err != nil {
		return "", err
	}
	var shared []string
	for _, o := range all {
		if o.shared {
			shared = append(shared, filepath.Dir(o.path))
		}
	}
	unlock, err := whole.LockFolders(ctx, shared...)
	if err != nil {
		return "", err
	}
	defer unlock()
	if err := b.checkOutputs(); err != nil {
		b.keepWork = true
		return "", fmt.Errorf("%w; the finished image is kept as %s until the next build of this output", err, b.ws.path(imagePartialFile))
	}
	files, err := b.records(meta)
	if err != nil {
		return "", err
	}
	files = append(files, whole.Output{To: b.Out, From: b.ws.path(imagePartialFile)})
	if err := whole.All(b.ws.dir, files); err != nil {
		// What could not be taken back is with the next build of this output.
		b.keepWork = b.keepWork || whole.Pending(b.ws.dir)
		return "", err
	}
	b.result = &Result{Out: b.Out, Metadata: metadataName(b.Out), Image: meta, Next: b.next()}
	return fmt.Sprintf("%s (%s) and %s", b.Spec.Out, size.Text(imageBytes), filepath.Base(metadataName(b.Out))), nil
}

// identify completes the inputs by the hashes of the ISO and of the firmware.
func (b *build) identify(ctx context.Context) error {
	select {
	case h := <-b.isoHash:
		if h.err != nil {
			return h.err
		}
		if b.Installer.SHA256 != "" && h.sum != b.Installer.SHA256 {
			return &InputError{What: "--iso-checksum", Err: fmt.Errorf("%s has the SHA-256 %s, not %s", b.Installer.Path, h.sum, b.Installer.SHA256), Do: "the image was made of another ISO than you meant, and is thrown away: check the ISO"}
		}
		b.inputs = append([]Input{{Role: roleInstaller, Name: filepath.Base(b.Installer.Path), URL: b.Installer.URL, Size: h.size, SHA256: h.sum}}, b.inputs...)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	firmware, err := b.firmwareInputs()
	b.inputs = append(b.inputs, firmware...)
	return err
}

// wholeImage brings the image to disk, gives it the mode that images have, and
// returns its hash and size.
func (b *build) wholeImage(ctx context.Context) (sum string, size int64, err error) {
	f, err := b.ws.root.OpenFile(imagePartialFile, os.O_RDWR, 0)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", 0, err
	}
	h := sha256.New()
	const piece = 256 << 20
	for {
		n, err := io.CopyN(h, f, piece)
		size += n
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return "", 0, fmt.Errorf("read %s: %w", f.Name(), err)
		}
		b.emit(event.Event{Kind: event.Progress, Done: size, Total: info.Size(), Unit: "B", Fraction: float64(size) / float64(max(info.Size(), 1))})
	}
	if err := b.ws.root.Chmod(imagePartialFile, 0o644); err != nil {
		return "", 0, err
	}
	return hex.EncodeToString(h.Sum(nil)), size, whole.Sync(ctx, f)
}

// said is a record as it is written: all of them come by here, and no secret passes.
func (b *build) said(path string, text []byte) whole.Output {
	return whole.Output{To: path, Text: b.hidden.JSON(text)}
}

// records are the files beside the image. The folders of those that others
// write as well are locked.
func (b *build) records(meta *Image) ([]whole.Output, error) {
	description, err := json.MarshalIndent(meta, "", "  ")
	if err != nil {
		return nil, err
	}
	all := []whole.Output{b.said(metadataName(b.Out), append(description, '\n'))}
	more, err := b.provenance(meta)
	if err != nil {
		return nil, err
	}
	all = append(all, more...)
	if b.Spec.Lock {
		path, err := filepath.Abs(b.Spec.lockPath())
		if err != nil {
			return nil, err
		}
		text, err := lock.Add(path, b.Spec.lockName(), b.lockBuild(b.inputs))
		if err != nil {
			return nil, err
		}
		all = append(all, b.said(path, text))
	}
	return all, nil
}

// fileHash returns the SHA-256 and the size of a file.
func fileHash(path string) (sum string, size int64, err error) {
	f, err := smallfile.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	if size, err = io.Copy(h, f); err != nil {
		return "", 0, fmt.Errorf("read %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}

// bytesHash is the SHA-256 of b.
func bytesHash(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
