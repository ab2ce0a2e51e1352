// QEMU's firmware descriptors: small JSON files that say what a firmware is
// for. Format and search order: QEMU, docs/interop/firmware.json.

package firmware

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// A descriptor is under one KiB; more than this is not one.
const maxDescriptor = 1 << 20

// descriptor is the part of Firmware (docs/interop/firmware.json) that we use.
type descriptor struct {
	Description    string   `json:"description"`
	InterfaceTypes []string `json:"interface-types"`
	Mapping        struct {
		Device        string         `json:"device"`
		Mode          string         `json:"mode"` // "" is "split"
		Executable    descriptorFile `json:"executable"`
		NVRAMTemplate descriptorFile `json:"nvram-template"`
	} `json:"mapping"`
	Targets []struct {
		Architecture string   `json:"architecture"`
		Machines     []string `json:"machines"`
	} `json:"targets"`
	Features []string `json:"features"`
}

type descriptorFile struct {
	Filename string `json:"filename"`
}

// descriptors reads the descriptors of all folders and returns a candidate
// for each that fits the machine, in the documented order: by file name,
// where a file hides those of its name in more general folders, and an empty
// one hides without saying anything itself.
func (s *search) descriptors(ctx context.Context) []candidate {
	chosen := map[string]string{} // file name → path, the more specific folder wins
	for _, dir := range descriptorDirs(s.query) {
		entries, err := os.ReadDir(s.path(dir))
		if err != nil {
			s.look(dir, plainError(err).Error())
			continue
		}
		for _, e := range entries {
			if name := e.Name(); strings.HasSuffix(name, ".json") && chosen[name] == "" {
				chosen[name] = filepath.ToSlash(filepath.Join(dir, name))
			}
		}
	}
	var out []candidate
	for _, name := range slices.Sorted(maps.Keys(chosen)) {
		if ctx.Err() != nil {
			return nil
		}
		c, err := s.descriptor(chosen[name])
		if err != nil {
			s.look(chosen[name], err.Error())
			continue
		}
		if c != nil {
			out = append(out, *c)
		}
	}
	return out
}

// descriptor reads one file. It returns nil for one that is empty (it only
// hides others) or for another processor.
func (s *search) descriptor(file string) (*candidate, error) {
	b, err := readSmall(s.path(file), maxDescriptor)
	if err != nil {
		return nil, plainError(err)
	}
	if len(b) == 0 {
		return nil, nil
	}
	d, err := parseDescriptor(b)
	if err != nil {
		return nil, err
	}
	return d.candidate(s.query.arch, file)
}

func parseDescriptor(b []byte) (*descriptor, error) {
	var d descriptor
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, fmt.Errorf("is not a firmware descriptor: %w", err)
	}
	return &d, nil
}

// candidate is what the descriptor offers to the architecture, nil if nothing.
func (d *descriptor) candidate(a arch.Arch, file string) (*candidate, error) {
	if !slices.Contains(d.InterfaceTypes, "uefi") || !d.fits(a) {
		return nil, nil
	}
	if d.Mapping.Device != "flash" {
		return nil, fmt.Errorf("is loaded as %q, not into flash", d.Mapping.Device)
	}
	if m := d.Mapping.Mode; m != "" && m != "split" {
		return nil, fmt.Errorf("flash mode %q keeps no variables apart", m)
	}
	if d.Mapping.Executable.Filename == "" || d.Mapping.NVRAMTemplate.Filename == "" {
		return nil, errors.New("names no code or no variables")
	}
	return &candidate{
		code: d.Mapping.Executable.Filename,
		vars: d.Mapping.NVRAMTemplate.Filename,
		claims: claims{
			secureBoot: slices.Contains(d.Features, "secure-boot"),
			smm:        slices.Contains(d.Features, "requires-smm"),
		},
		source:      file,
		description: d.Description,
	}, nil
}

// fits says whether the descriptor is for the machine type that we use.
// Machines are given as shell patterns of versioned names: "pc-q35-*", "virt-*".
func (d *descriptor) fits(a arch.Arch) bool {
	for _, t := range d.Targets {
		if t.Architecture != a.Name {
			continue
		}
		for _, pattern := range t.Machines {
			// q35 is the alias of pc-q35-N.M, virt that of virt-N.M.
			for _, name := range []string{a.Machine, a.Machine + "-0.0", "pc-" + a.Machine + "-0.0"} {
				if ok, _ := path.Match(pattern, name); ok {
					return true
				}
			}
			if strings.HasPrefix(pattern, a.Machine+"-") || strings.HasPrefix(pattern, "pc-"+a.Machine+"-") {
				return true
			}
		}
	}
	return false
}

// readSmall reads a regular file of at most limit bytes; /dev/null, which
// people link to in order to hide a descriptor, reads as empty.
func readSmall(name string, limit int64) ([]byte, error) {
	st, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if st.Mode()&fs.ModeDevice != 0 {
		return nil, nil
	}
	return smallfile.ReadAgain(context.Background(), name, limit)
}
