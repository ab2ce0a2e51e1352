// What a firmware file is, by its content: format, size, code or variables,
// processor, enrolled keys. (PI specification 1.8, volume 3, section 3.2.1:
// firmware volume header.)

package firmware

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/imgasm/imgasm/internal/arch"
)

// The largest flash image there is: 64 MiB, what the virt machine maps for each.
const maxFlash = 64 << 20

// role says what a flash image holds.
type role int

const (
	roleUnknown role = iota
	roleCode
	roleVars
	roleBlank    // erased or empty: good as variables of the virt machine
	roleCombined // variables and code in one file, the variables first
)

// content is what inspectFile found out.
type content struct {
	File
	role     role
	arch     string // "x86_64", "aarch64"; "" where it can't be told
	enrolled bool   // a platform key is enrolled
}

// The GUID of the firmware volume that holds variables:
// EFI_SYSTEM_NV_DATA_FV_GUID, fff12b8d-7696-4c8b-a985-2747075b4f50.
var nvDataGUID = []byte{0x8d, 0x2b, 0xf1, 0xff, 0x96, 0x76, 0x8b, 0x4c, 0xa9, 0x85, 0x27, 0x47, 0x07, 0x5b, 0x4f, 0x50}

// inspectFile says what the file at path is. Links are followed, and the
// result names the file itself: distributions give one image many names.
func inspectFile(path string) (*content, error) {
	st, err := os.Stat(path) // names the path in every error, as EvalSymlinks does not
	if err != nil {
		return nil, err
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("is not a regular file")}
	}
	img, err := openImage(real)
	if err != nil {
		return nil, err
	}
	defer img.Close()
	c := &content{File: File{Path: real, Format: img.format, SizeBytes: img.size}}
	if img.size > maxFlash {
		return nil, fmt.Errorf("%s holds %d bytes, more than the 64 MiB of any flash image", path, img.size)
	}
	// A variable store is at most 768 KiB and the parts of code that tell its
	// kind lie in the first MiB and at the very end.
	head, err := io.ReadAll(io.NewSectionReader(img, 0, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	tail, err := io.ReadAll(io.NewSectionReader(img, max(0, img.size-64), 64))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c.classify(head, tail)
	return c, nil
}

func (c *content) classify(head, tail []byte) {
	// Every x86 firmware ends with the reset vector's volume top file, which
	// edk2 marks so (OvmfPkg/ResetVector/Ia16/ResetVectorVtf0.asm).
	if bytes.Contains(tail, []byte("VTF\x00")) {
		c.arch, c.role = arch.X86_64.Name, roleCode
	}
	// On Arm the first modules run in place and so lie uncompressed: a terse
	// image's signature "VZ" and the machine 0xAA64 (PI 1.8, volume 1, 15.1).
	if c.arch == "" && bytes.Contains(head, []byte{'V', 'Z', 0x64, 0xaa}) {
		c.arch, c.role = arch.AArch64.Name, roleCode
	}
	if enrolled, ok := parseVars(head); ok {
		c.enrolled = enrolled
		if c.role == roleCode {
			c.role = roleCombined
		} else {
			c.role = roleVars
		}
		return
	}
	if c.role == roleUnknown && uniform(head) && uniform(tail) {
		c.role = roleBlank
	}
}

// uniform says that b is all zero or all erased flash (0xff).
func uniform(b []byte) bool {
	return len(b) > 0 && (len(bytes.Trim(b, "\x00")) == 0 || len(bytes.Trim(b, "\xff")) == 0)
}

// match makes a pair of two vetted files, or says why they don't make one.
// vars may be nil.
func match(a arch.Arch, code, vars *content, cl claims) (*Pair, error) {
	if code.arch != "" && code.arch != a.Name {
		return nil, fmt.Errorf("is firmware for %s, not for %s", code.arch, a.Name)
	}
	switch code.role {
	case roleVars:
		return nil, errors.New("holds variables, not code")
	case roleBlank:
		return nil, errors.New("is blank")
	case roleCombined:
		return nil, errors.New("holds code and variables in one file; imgasm needs them in two")
	}
	if a.PflashSize != 0 && code.SizeBytes > a.PflashSize {
		return nil, fmt.Errorf("has %d bytes; %s takes %d at most", code.SizeBytes, a.Machine, a.PflashSize)
	}
	p := &Pair{Arch: a.Name, Code: code.File, SMM: cl.smm}
	if vars == nil {
		if a.PflashSize == 0 {
			return nil, errors.New("no template of its variables beside it")
		}
		return p, nil
	}
	switch vars.role {
	case roleVars:
	case roleBlank:
		if a.PflashSize == 0 {
			return nil, fmt.Errorf("variables %s are blank", vars.Path)
		}
	case roleCode, roleCombined:
		return nil, fmt.Errorf("variables %s hold code", vars.Path)
	default:
		return nil, fmt.Errorf("variables %s hold no variable store", vars.Path)
	}
	if a.PflashSize != 0 && vars.SizeBytes > a.PflashSize {
		return nil, fmt.Errorf("variables %s have %d bytes; %s takes %d at most", vars.Path, vars.SizeBytes, a.Machine, a.PflashSize)
	}
	// On x86 the two are the halves of one flash image of 1, 2, 4 or more MiB;
	// halves of different builds start, and then lose or corrupt variables.
	if a.PflashSize == 0 {
		if sum := code.SizeBytes + vars.SizeBytes; sum&(sum-1) != 0 {
			return nil, fmt.Errorf("variables %s (%d bytes) are of another build than this code (%d bytes): together they must be 2 or 4 MiB",
				vars.Path, vars.SizeBytes, code.SizeBytes)
		}
	}
	p.Vars = vars.File
	p.SecureBoot = cl.secureBoot && vars.enrolled
	return p, nil
}

// gEfiAuthenticatedVariableGuid, aaf32c78-947b-439a-a180-2e144ec37792.
var authVarGUID = []byte{0x78, 0x2c, 0xf3, 0xaa, 0x7b, 0x94, 0x9a, 0x43, 0xa1, 0x80, 0x2e, 0x14, 0x4e, 0xc3, 0x77, 0x92}

// parseVars looks for a variable store at the beginning of b, and for keys of Secure
// Boot that are enrolled in it
// (MdeModulePkg/Include/Guid/VariableFormat.h: VARIABLE_STORE_HEADER, 28 bytes,
// then AUTHENTICATED_VARIABLE_HEADER, 60 bytes, name and data, each aligned to 4).
func parseVars(b []byte) (enrolled, ok bool) {
	const headerLength = 0x30 // offset of HeaderLength in the volume's header
	if len(b) < 0x48 || string(b[0x28:0x2c]) != "_FVH" || !bytes.Equal(b[0x10:0x20], nvDataGUID) {
		return false, false
	}
	if binary.LittleEndian.Uint64(b[0x20:]) > maxFlash {
		return false, false
	}
	at := int(binary.LittleEndian.Uint16(b[headerLength:]))
	if at+28 > len(b) || !bytes.Equal(b[at:at+16], authVarGUID) {
		return false, true
	}
	end := min(at+int(min(binary.LittleEndian.Uint32(b[at+16:]), maxFlash)), len(b))
	for at += 28; at+60 <= end; {
		h := b[at:]
		if binary.LittleEndian.Uint16(h) != 0x55aa {
			break
		}
		nameSize, dataSize := uint64(binary.LittleEndian.Uint32(h[36:])), uint64(binary.LittleEndian.Uint32(h[40:]))
		if nameSize+dataSize > uint64(end-at-60) {
			break
		}
		// State 0x3f: added and not deleted.
		if h[2] == 0x3f && dataSize > 0 && string(h[60:60+nameSize]) == "P\x00K\x00\x00\x00" {
			enrolled = true
		}
		at += (60 + int(nameSize) + int(dataSize) + 3) &^ 3
	}
	return enrolled, true
}
