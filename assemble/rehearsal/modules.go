// Which kernel modules the guest needs and in which order they load, told by
// the modules themselves: the ELF section .modinfo (modinfo(8)) names what a
// module depends on. Debian's packages carry no modules.dep.

package rehearsal

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/internal/smallfile"
	"github.com/imgasm/imgasm/internal/unpack"
)

// maxModule is more than any module that the guest loads takes unpacked.
const maxModule = 32 << 20

// A module is one kernel module, unpacked.
type module struct {
	Name    string   // with underscores: "virtio_blk"
	Depends []string // names of the modules that must be loaded before
	Class   string   // PCI class that the guest must have for it to be loaded; empty: always
	Data    []byte   // the ELF file
}

// want is a module that the guest loads if the kernel has it.
type want struct {
	Name     string
	Required bool // an error if the kernel has it neither as a module nor built in
	// Class is a PCI class (the beginning of /sys/bus/pci/devices/*/class)
	// without which the guest leaves the module alone: loading takes time.
	Class string
}

// wanted lists what the guest loads, in order, dependencies apart. Storage that
// QEMU can be told to offer is here even where imgasm's own default is another.
var wanted = []want{
	need("virtio_pci"), need("virtio_blk"), need("virtio_scsi"), need("sd_mod"), need("sr_mod"),
	need("isofs"), need("vfat"), need("nls_cp437"), like("nls_ascii"), like("nls_iso8859_1"), like("nls_utf8"),
	// ext4 asks for crc32c by the crypto API's name, which no depends= line tells.
	like("crc32c_intel"), like("crc32c_generic"), need("ext4"), need("xfs"),
	need("virtio_console"), need("virtio_net"), need("virtio_rng"), need("af_packet"),
	like("pvpanic_pci"), like("pvpanic_mmio"),
	like("evdev"), like("button"), like("gpio_keys"),
	{"i6300esb", false, "0x088000"},
	{"xhci_pci", false, "0x0c03"}, {"usb_storage", false, "0x0c03"}, {"uas", false, "0x0c03"}, {"ahci", false, "0x0106"},
}

func need(name string) want { return want{Name: name, Required: true} }
func like(name string) want { return want{Name: name} }

// moduleName derives a module's name from a file's name: "virtio-rng.ko.zst"
// is virtio_rng. It is empty if the file is no module.
func moduleName(file string) string {
	base := path.Base(file)
	stem, rest, found := strings.Cut(base, ".ko")
	if !found || rest != "" && rest != ".xz" && rest != ".zst" && rest != ".gz" {
		return ""
	}
	return strings.ReplaceAll(stem, "-", "_")
}

// readModule unpacks a module and reads what it depends on.
func readModule(file string, r io.Reader) (*module, error) {
	plain, err := unpack.Reader(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	defer plain.Close()
	data, err := smallfile.All(plain, file, maxModule)
	if err != nil {
		return nil, err
	}
	info, err := modinfo(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	m := &module{Name: moduleName(file), Data: data}
	for _, line := range info {
		key, value, _ := strings.Cut(line, "=")
		if key == "depends" && value != "" {
			for _, d := range strings.Split(value, ",") {
				m.Depends = append(m.Depends, strings.ReplaceAll(d, "-", "_"))
			}
		}
	}
	return m, nil
}

// modinfo returns the NUL-separated strings of a module's .modinfo section.
func modinfo(data []byte) ([]string, error) {
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("not a kernel module: %w", err)
	}
	s := f.Section(".modinfo")
	if s == nil {
		return nil, errors.New("not a kernel module: no section .modinfo")
	}
	if s.Size > uint64(len(data)) {
		return nil, errors.New("kernel module cut short")
	}
	raw, err := s.Data()
	if err != nil {
		return nil, fmt.Errorf("section .modinfo: %w", err)
	}
	return strings.FieldsFunc(string(raw), func(r rune) bool { return r == 0 }), nil
}

// loadOrder returns the wanted modules out of have, each after all that it
// depends on. builtin holds the names of modules that the kernel has inside.
func loadOrder(wanted []want, have map[string]*module, builtin map[string]bool) ([]*module, error) {
	var order []*module
	state := map[string]int{} // 1: on the way, 2: done
	class := ""
	var add func(name string) error
	add = func(name string) error {
		if builtin[name] || state[name] == 2 {
			return nil
		}
		if state[name] == 1 {
			return fmt.Errorf("module %s depends on itself", name)
		}
		m := have[name]
		if m == nil {
			return fmt.Errorf("module %s is missing", name)
		}
		state[name] = 1
		for _, d := range m.Depends {
			if err := add(d); err != nil {
				return fmt.Errorf("%w (needed by %s)", err, name)
			}
		}
		state[name] = 2
		placed := *m
		placed.Class = class
		order = append(order, &placed)
		return nil
	}
	for _, w := range wanted {
		if !w.Required && have[w.Name] == nil {
			continue
		}
		class = w.Class
		before := len(order)
		if err := add(w.Name); err != nil {
			if w.Required {
				return nil, err
			}
			// An optional driver with a dependency that was left out is left out too.
			for _, m := range order[before:] {
				delete(state, m.Name)
			}
			order = order[:before]
			for name, s := range state {
				if s == 1 {
					delete(state, name)
				}
			}
		}
	}
	return order, nil
}

// builtinModules reads modules.builtin: one path of a would-be .ko a line.
func builtinModules(list []byte) map[string]bool {
	names := map[string]bool{}
	for _, line := range strings.Split(string(list), "\n") {
		if name := moduleName(strings.TrimSpace(line)); name != "" {
			names[name] = true
		}
	}
	return names
}

// farFromGuest are the folders below lib/modules/RELEASE/kernel that hold most
// of a distribution's modules and nothing that a wanted one depends on.
var farFromGuest = []string{
	"sound/", "drivers/gpu/", "drivers/media/", "drivers/infiniband/", "drivers/staging/", "drivers/iio/",
	"drivers/net/wireless/", "drivers/net/ethernet/", "drivers/net/usb/", "drivers/net/can/", "drivers/net/phy/",
	"drivers/isdn/", "drivers/hwmon/", "drivers/video/", "drivers/md/", "drivers/target/", "drivers/bluetooth/",
	"net/bluetooth/", "net/netfilter/", "net/mac80211/", "net/wireless/", "net/sched/", "net/ipv4/", "net/ipv6/",
	"fs/btrfs/", "fs/ocfs2/", "fs/nfs/", "fs/nfsd/", "fs/ceph/", "fs/cifs/", "fs/smb/", "fs/f2fs/", "fs/gfs2/", "fs/jfs/",
}

// mayBeNeeded tells whether a module's file may be among the wanted ones or
// their dependencies, so that the hundreds of others are not unpacked.
func mayBeNeeded(file string) bool {
	if moduleName(file) == "" {
		return false
	}
	_, below, found := strings.Cut(file, "/kernel/")
	if !found {
		return true
	}
	return !slices.ContainsFunc(farFromGuest, func(dir string) bool { return strings.HasPrefix(below, dir) })
}
