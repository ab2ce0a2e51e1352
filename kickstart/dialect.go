// The kickstart languages: which release reads the file.

package kickstart

import (
	"fmt"
	"strings"
)

// Dialect names the release whose installer reads the file. The zero value is
// RHEL10.
type Dialect string

// The dialects.
const (
	RHEL8          Dialect = "rhel8"
	RHEL9          Dialect = "rhel9"
	RHEL10         Dialect = "rhel10"
	AlmaLinux10    Dialect = "almalinux10"   // 10.1 and later: RHEL10 with btrfs
	AlmaLinux10At0 Dialect = "almalinux10.0" // 10.0: RHEL10 as it is
	Fedora         Dialect = "fedora"
)

// Dialects lists all dialects.
func Dialects() []Dialect {
	return []Dialect{RHEL8, RHEL9, RHEL10, AlmaLinux10At0, AlmaLinux10, Fedora}
}

// DialectByName finds a dialect by its name or another spelling of it
// ("RHEL-10", "almalinux-10.1", "el10"). The error lists the names there are.
func DialectByName(name string) (Dialect, error) {
	key := strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(name))
	switch key {
	case "", "rhel10", "el10":
		return RHEL10, nil
	case "rhel9", "el9":
		return RHEL9, nil
	case "rhel8", "el8":
		return RHEL8, nil
	case "almalinux10.0", "alma10.0":
		return AlmaLinux10At0, nil
	case "fedora":
		return Fedora, nil
	}
	if rest, ok := strings.CutPrefix(strings.Replace(key, "almalinux", "alma", 1), "alma10"); ok && (rest == "" || strings.HasPrefix(rest, ".")) {
		return AlmaLinux10, nil
	}
	var names []string
	for _, d := range Dialects() {
		names = append(names, string(d))
	}
	return "", fmt.Errorf("unknown kickstart dialect %q: choose one of %s", name, strings.Join(names, ", "))
}

func (d Dialect) String() string {
	if d == "" {
		return string(RHEL10)
	}
	return string(d)
}

// title is the name for people.
func (d Dialect) title() string {
	switch d {
	case RHEL8:
		return "RHEL 8"
	case RHEL9:
		return "RHEL 9"
	case AlmaLinux10:
		return "AlmaLinux 10"
	case AlmaLinux10At0:
		return "AlmaLinux 10.0"
	case Fedora:
		return "Fedora"
	}
	return "RHEL 10"
}
