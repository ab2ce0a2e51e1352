// The installer ISO: its files, and the initial RAM file system with the guest.

package rehearsal

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/imgasm/imgasm/internal/event"
)

// initrd holds the guest as /init and the modules in /modules, whose file
// "order" names them in the order in which they load.
func initrd(guest []byte, s *supply) ([]byte, error) {
	modules, err := loadOrder(wanted, s.have, s.builtin)
	if err != nil {
		return nil, fmt.Errorf("kernel %s: %w", s.Release, err)
	}
	var order strings.Builder
	entries := []cpioEntry{
		{Name: "dev", Mode: cpioDir | 0o755},
		// The kernel opens it for /init before anything can mount devtmpfs.
		{Name: "dev/console", Mode: cpioChar | 0o600, Major: 5, Minor: 1},
		{Name: "init", Mode: cpioFile | 0o755, Data: guest},
		{Name: "modules", Mode: cpioDir | 0o755},
	}
	for _, m := range modules {
		fmt.Fprintf(&order, "%s.ko\n", m.Name)
		entries = append(entries, cpioEntry{Name: "modules/" + m.Name + ".ko", Mode: cpioFile | 0o644, Data: m.Data})
	}
	entries = append(entries,
		cpioEntry{Name: "modules/order", Mode: cpioFile | 0o644, Data: []byte(order.String())},
		cpioEntry{Name: "modules/release", Mode: cpioFile | 0o644, Data: []byte(s.Release + "\n")})
	var b bytes.Buffer
	if err := writeInitrd(&b, gzip.DefaultCompression, entries); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func buildISO(ctx context.Context, o Options, dir string, guest []byte, s *supply, say func(event.Event)) (*Installer, error) {
	rd, err := initrd(guest, s)
	if err != nil {
		return nil, err
	}
	for name, data := range map[string][]byte{"vmlinuz": s.Kernel, "initrd.img": rd} {
		if err := os.WriteFile(filepath.Join(dir, o.Arch.Name+"-"+name), data, 0o644); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("no ISO yet")
}
