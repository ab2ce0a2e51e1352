// ova: a machine in a tar: its description in OVF, the hashes, and the disk as a
// streamOptimized vmdk. (DMTF DSP0243, Open Virtualization Format 1.1; what
// vSphere wants besides has the prefix vmw.)

package convert

import (
	"archive/tar"
	"bytes"
	"context"
	_ "embed"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strings"
	"text/template"

	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/digest"
)

//go:embed machine.ovf
var ovfText string

var ovfTemplate = template.Must(template.New("machine.ovf").Option("missingkey=error").Parse(ovfText))

// ovf is what the description says.
type ovf struct {
	Name      string // as XML has it
	Disk      string // the vmdk's name
	DiskBytes int64  // of the vmdk
	Capacity  int64  // of the disk
	UEFI, X86 bool
	MemoryMiB int
}

func (v ovf) text() ([]byte, error) {
	var b bytes.Buffer
	err := ovfTemplate.Execute(&b, v)
	return b.Bytes(), err
}

func writeOVA(ctx context.Context, dst *part, src qcow2.Source, o Options) error {
	a, err := arch.Parse(o.Arch)
	if err != nil {
		return err
	}
	var name strings.Builder
	if err := xml.EscapeText(&name, []byte(o.Name)); err != nil {
		return err
	}
	// Names within are ours: a machine's may be too long for a tar, or no URI.
	const ovfName, mfName, diskName = "machine.ovf", "machine.mf", "disk.vmdk"
	description := ovf{
		Name: name.String(), Disk: diskName, DiskBytes: math.MaxInt64, Capacity: src.Size(),
		UEFI: isUEFI(src, o.Arch), X86: a.BIOS, MemoryMiB: a.MemoryMiB,
	}
	longest, err := description.text()
	if err != nil {
		return err
	}
	manifest := func(ovf, vmdk string) []byte {
		return fmt.Appendf(nil, "SHA256(%s)= %s\nSHA256(%s)= %s\n", ovfName, ovf, diskName, vmdk)
	}
	none := strings.Repeat("0", 64)
	// Description and hashes come first, and are known last.
	out := newArchive(dst, o)
	first, err := out.reserve(&tar.Header{Name: ovfName, Size: int64(len(longest)), Mode: 0o644})
	if err != nil {
		return err
	}
	second, err := out.reserve(&tar.Header{Name: mfName, Size: int64(len(manifest(none, none))), Mode: 0o644})
	if err != nil {
		return err
	}
	var sum string
	if err := out.add(&tar.Header{Name: diskName, Mode: 0o644}, func(p *part) (err error) {
		if err = writeVMDK(ctx, p, src, o); err != nil {
			return err
		}
		description.DiskBytes = p.size
		sum, _, err = digest.Reader(ctx, io.NewSectionReader(p, 0, p.size), func(int64) {})
		return err
	}); err != nil {
		return err
	}
	text, err := description.text()
	if err != nil {
		return err
	}
	text = append(text, bytes.Repeat([]byte("\n"), len(longest)-len(text))...) // white space may follow
	if _, err := first.WriteAt(text, 0); err != nil {
		return err
	}
	if _, err := second.WriteAt(manifest(digest.Bytes(text), sum), 0); err != nil {
		return err
	}
	return out.close()
}
