// Writing a failure bundle: first as a folder in the working folder, free of
// secrets; then, whole or not at all, to where the user finds it.

package alma

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	whole "github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/smallfile"
	"github.com/imgasm/imgasm/kickstart/render"
	"github.com/imgasm/imgasm/qemu/accel"
)

// installerLogs is the folder of a bundle for the logs that the installer keeps
// in its /tmp; their names come from the guest.
const installerLogs = "installer"

// stagedBundle is where a bundle is made, in the working folder.
const stagedBundle = "bundle"

// workLogs are the logs in the working folder.
var workLogs = []string{serialFile, logFile, progressFile, testSerialFile, eventsFile}

// stage writes the bundle's files: copies of the logs, and files by name.
func (b *build) stage(files map[string][]byte) error {
	root := b.ws.root
	if err := root.RemoveAll(stagedBundle); err != nil {
		return err
	}
	if err := root.MkdirAll(path.Join(stagedBundle, installerLogs), 0o755); err != nil {
		return err
	}
	for _, name := range workLogs {
		if err := b.stageLog(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for name, text := range files {
		switch {
		case name == screenFile:
		case path.Ext(name) == ".json":
			text = b.hidden.JSON(text)
		default:
			text = b.hidden.Bytes(text)
		}
		if err := root.WriteFile(path.Join(stagedBundle, name), text, 0o644); err != nil {
			return err
		}
	}
	// Without logs from the installer there is no folder for them.
	if err := root.Remove(path.Join(stagedBundle, installerLogs)); err != nil && len(b.report.Logs) == 0 {
		return err
	}
	return nil
}

// stageLog copies a log of any size without the secrets.
func (b *build) stageLog(name string) (err error) {
	in, err := b.ws.root.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := b.ws.root.OpenFile(path.Join(stagedBundle, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	clean := b.hidden.Writer(out)
	var w io.Writer = clean
	if name == progressFile {
		w = &payloadFilter{w: clean}
	}
	if _, err := io.Copy(w, in); err != nil {
		return err
	}
	return clean.Close()
}

// payloadFilter leaves the BASE64 of "imgasm1 NONCE log NAME BASE64" lines out:
// the bundle has those logs as files, and a secret in base64 cannot be found.
// Lines keep their numbers.
type payloadFilter struct {
	w     io.Writer
	words int    // blanks seen in this line
	head  []byte // the line's first words, while it may be such a line
	state payloadState
}

type payloadState int

const (
	payloadHead  payloadState = iota // in the first four words
	payloadOther                     // another line: passed on
	payloadSkip                      // in the payload
)

// payloadHeadMax bounds the first four words: "imgasm1", 16 digits, "log", a file name.
const payloadHeadMax = 512

func (f *payloadFilter) Write(p []byte) (int, error) {
	var out bytes.Buffer
	for _, c := range p {
		if c == '\n' {
			out.WriteByte(c)
			f.words, f.head, f.state = 0, f.head[:0], payloadHead
			continue
		}
		switch f.state {
		case payloadSkip:
		case payloadOther:
			out.WriteByte(c)
		case payloadHead:
			out.WriteByte(c)
			f.head = append(f.head, c)
			if c != ' ' {
				if len(f.head) > payloadHeadMax {
					f.state = payloadOther
				}
				continue
			}
			switch f.words++; {
			case f.words == 1 && string(f.head) != render.LogPrefix, f.words == 3 && !bytes.HasSuffix(f.head, []byte(" log ")):
				f.state = payloadOther
			case f.words == 4:
				out.WriteString("(see " + installerLogs + "/)")
				f.state = payloadSkip
			}
		}
	}
	if _, err := f.w.Write(out.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// placeFolder moves a staged bundle to dir. An older bundle there makes room;
// anything else does not.
func placeFolder(staged, dir string) (string, error) {
	if err := checkBundleDir(dir); err != nil {
		return "", err
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if err := whole.Rename(staged, dir); err != nil {
		return "", err
	}
	return dir, nil
}

// checkBundleDir refuses a path at which something else stands than a bundle of ours.
func checkBundleDir(dir string) error {
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && info.IsDir() {
		if info, err = os.Lstat(filepath.Join(dir, summaryFile)); err == nil && info.Mode().IsRegular() {
			return nil
		}
	}
	return fmt.Errorf("%s exists and is no failure bundle", dir)
}

// bundleSuffix is the ending of a bundle in one file.
const bundleSuffix = ".tar.zst"

// archiveBundle writes the staged bundle as a zstd-compressed tar whose entries
// stand in the folder top, the summary first.
func archiveBundle(staged, path, top string, now time.Time) error {
	return whole.File(path, func(f *os.File) error {
		z, err := zstd.NewWriter(f, zstd.WithEncoderConcurrency(1))
		if err != nil {
			return err
		}
		t := tar.NewWriter(z)
		add := func(name string) error {
			in, err := smallfile.Open(filepath.Join(staged, name))
			if err != nil {
				return err
			}
			defer in.Close()
			info, err := in.Stat()
			if err != nil {
				return err
			}
			h := &tar.Header{Name: top + "/" + filepath.ToSlash(name), Mode: 0o644, Size: info.Size(), ModTime: now.Truncate(time.Second), Format: tar.FormatPAX}
			if err := t.WriteHeader(h); err != nil {
				return err
			}
			_, err = io.CopyN(t, in, info.Size())
			return err
		}
		if err := add(summaryFile); err != nil {
			return err
		}
		err = filepath.WalkDir(staged, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			name, err := filepath.Rel(staged, path)
			if err != nil || name == summaryFile {
				return err
			}
			return add(name)
		})
		return errors.Join(err, t.Close(), z.Close())
	})
}

// checkBundle refuses a path at which no archive can be written.
func checkBundle(path string) error {
	if path == "" {
		return nil
	}
	wrong := func(do, format string, args ...any) error {
		return &InputError{What: "--bundle", Err: fmt.Errorf(format, args...), Do: do}
	}
	if !strings.HasSuffix(path, bundleSuffix) {
		return wrong("such as --bundle failed"+bundleSuffix, "%s does not end in %s", path, bundleSuffix)
	}
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return wrong("mkdir -p "+dir, "the folder %s does not exist", dir)
	}
	if err := writable(dir); err != nil {
		return wrong("give another one", "the folder %s cannot be written to: %w", dir, err)
	}
	if info, err := os.Lstat(path); err == nil && (!info.Mode().IsRegular() || !isBundle(path)) {
		return wrong("move it away, or give another name", "%s exists and is no failure bundle", path)
	}
	return nil
}

// isBundle reports whether an archive is one of ours, which a later failure may
// replace: its first entry is a summary.
func isBundle(path string) bool {
	f, err := smallfile.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		return false
	}
	defer z.Close()
	h, err := tar.NewReader(z).Next()
	return err == nil && strings.HasSuffix(h.Name, "/"+summaryFile)
}

// hostFacts are what a bug report needs to know of the host.
type hostFacts struct {
	OS        string       `json:"os"`
	Arch      string       `json:"arch"`
	CPUs      int          `json:"cpus"`
	MemoryMiB int          `json:"memoryMiB,omitempty"` // 0: unknown
	FreeBytes int64        `json:"freeBytes,omitempty"` // of the output's file system, at the end
	Imgasm    string       `json:"imgasm"`
	QEMU      string       `json:"qemu"`
	Accel     accel.Choice `json:"accelerator"` // and all that were tried
	Firmware  string       `json:"firmware"`
}

func (b *build) hostFacts() hostFacts {
	f := hostFacts{
		OS: b.Host.OS, Arch: runtime.GOARCH, CPUs: b.Host.CPUs, MemoryMiB: int(memoryMiB()), Imgasm: b.Host.Version,
		QEMU: b.QEMU.Path + " " + b.QEMU.Version.String(), Accel: b.Accel, Firmware: "BIOS",
	}
	f.FreeBytes, _ = b.Host.Free(filepath.Dir(b.Out)) // 0: unknown
	if b.Firmware != nil {
		f.Firmware = b.Firmware.String()
	}
	return f
}
