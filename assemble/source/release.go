// From a wanted version to addresses and file names: AlmaLinux's layout.
// Pure.

package source

import (
	"cmp"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/imgasm/imgasm/internal/digest"
)

// Where AlmaLinux publishes.
const (
	DefaultMirror = "https://repo.almalinux.org/almalinux"
	KittenMirror  = "https://kitten.repo.almalinux.org"
	DefaultVault  = "https://vault.almalinux.org"
)

// Arches and Variants that have installer ISOs which imgasm can use.
var (
	Arches   = []string{"x86_64", "x86_64_v2", "aarch64"}
	Variants = []string{"boot", "minimal", "dvd"}
)

// Release is one published ISO.
type Release struct {
	Name    string `json:"name"`    // file name
	Version string `json:"version"` // "10.2", "10-kitten-20250813.0"
	Arch    string `json:"arch"`
	Variant string `json:"variant"`
	// SHA256 and SizeBytes come from CHECKSUM; a size of 0 is not known.
	SHA256    string `json:"sha256"`
	SizeBytes int64  `json:"size,omitempty"`
	// URLs where it may be, in the order to try.
	URLs []string `json:"urls"`
}

var versionPattern = regexp.MustCompile(`^10(\.\d{1,2})?$`)

// normal fills in the defaults and checks the rest.
func (r Request) normal() (Request, error) {
	r.SHA256 = strings.ToLower(strings.TrimPrefix(r.SHA256, "sha256:"))
	if r.SHA256 != "" && !digest.Is(r.SHA256) {
		return r, badSum(r.SHA256)
	}
	if r.URL != "" {
		u, err := url.Parse(r.URL)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return r, badRequest("URL", "", "%q is not an http or https address of an ISO", r.URL)
		}
		return r, nil
	}
	r.Version = cmp.Or(strings.TrimPrefix(strings.ToLower(r.Version), "v"), "10")
	if r.Version == "10-kitten" {
		r.Version = "kitten"
	}
	if r.Version != "kitten" && !versionPattern.MatchString(r.Version) {
		return r, badRequest("Version", "for another release give its ISO: {URL}, with {SHA256}",
			"%q: imgasm finds AlmaLinux 10, 10.N and kitten by itself", r.Version)
	}
	r.Arch = cmp.Or(r.Arch, Arches[0])
	if !slices.Contains(Arches, r.Arch) {
		return r, badRequest("Arch", "", "%q: there are ISOs for %s", r.Arch, strings.Join(Arches, ", "))
	}
	r.Variant = cmp.Or(r.Variant, Variants[0])
	if !slices.Contains(Variants, r.Variant) {
		return r, badRequest("Variant", "", "%q: there are %s", r.Variant, strings.Join(Variants, ", "))
	}
	for name, v := range map[string]string{"Mirror": r.Mirror, "Vault": r.Vault} {
		if u, err := url.Parse(v); v != "" && (err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https")) {
			return r, badRequest(name, "", "%q is not an http or https address", v)
		}
	}
	return r, nil
}

func badSum(sum string) error {
	return badRequest("SHA256", "", "%q is not a SHA-256 of 64 hexadecimal digits", sum)
}

// mirror is the base that the version's folders lie in.
func (r Request) mirror() string {
	def := DefaultMirror
	if r.Version == "kitten" {
		def = KittenMirror
	}
	return strings.TrimRight(cmp.Or(r.Mirror, def), "/")
}

func (r Request) vault() string { return strings.TrimRight(cmp.Or(r.Vault, DefaultVault), "/") }

// isoDirs lists the folders that may hold the ISO and its CHECKSUM. The vault
// has superseded minors only, and no Kitten.
func (r Request) isoDirs() []string {
	switch {
	case r.Version == "kitten":
		return []string{r.mirror() + "/10-kitten/isos/" + r.Arch + "/"}
	case strings.Contains(r.Version, "."):
		return []string{r.mirror() + "/" + r.Version + "/isos/" + r.Arch + "/", r.vault() + "/" + r.Version + "/isos/" + r.Arch + "/"}
	}
	return []string{r.mirror() + "/" + r.Version + "/isos/" + r.Arch + "/"}
}

// Names as published: AlmaLinux-10.2-x86_64-boot.iso,
// AlmaLinux-10-latest-aarch64-dvd.iso, AlmaLinux-Kitten-10-20250813.0-x86_64-boot.iso.
var isoName = regexp.MustCompile(`^AlmaLinux-(Kitten-)?10(?:\.(\d{1,2})|-(latest)|-(\d{8})\.(\d{1,3}))-(x86_64_v2|x86_64|aarch64)-(boot|minimal|dvd)\.iso$`)

// isoIdentity is what a published file name says.
type isoIdentity struct {
	kitten        bool
	version       string // "10.2", "10-latest", "10-kitten-20250813.0"
	rank          [2]int // to find the newest; "latest" ranks below every number
	arch, variant string
}

func parseISOName(name string) (isoIdentity, bool) {
	m := isoName.FindStringSubmatch(name)
	if m == nil || (m[1] == "" && m[4] != "") || (m[1] != "" && m[2] != "") {
		return isoIdentity{}, false
	}
	id := isoIdentity{kitten: m[1] != "", arch: m[6], variant: m[7], rank: [2]int{-1, -1}}
	product := "10"
	if id.kitten {
		product = "10-kitten"
	}
	switch {
	case m[2] != "":
		id.version = "10." + m[2]
		id.rank[0], _ = strconv.Atoi(m[2]) // two digits at most, by the pattern
	case m[3] != "":
		id.version = product + "-latest"
	default:
		id.version = product + "-" + m[4] + "." + m[5]
		id.rank[0], _ = strconv.Atoi(m[4])
		id.rank[1], _ = strconv.Atoi(m[5])
	}
	return id, true
}

// choose finds the wanted ISO in the sums of a CHECKSUM file that lay in dir:
// the newest one that fits.
func choose(r Request, dir string, sums []Sum) (*Release, error) {
	var best *Release
	var rank [2]int
	for _, s := range sums {
		id, ok := parseISOName(s.Name)
		if !ok || id.arch != r.Arch || id.variant != r.Variant || id.kitten != (r.Version == "kitten") {
			continue
		}
		if strings.Contains(r.Version, ".") && id.version != r.Version {
			continue
		}
		if best != nil && slices.Compare(id.rank[:], rank[:]) <= 0 {
			continue
		}
		rank = id.rank
		best = &Release{Name: s.Name, Version: id.version, Arch: id.arch, Variant: id.variant, SHA256: s.SHA256, SizeBytes: s.SizeBytes}
	}
	if best == nil {
		var names []string
		for _, s := range sums {
			names = append(names, s.Name)
		}
		return nil, badRequest("", "imgasm source list --available shows what there is",
			"%sCHECKSUM names no %s ISO of version %s for %s; it has: %s", dir, r.Variant, r.Version, r.Arch, strings.Join(names, ", "))
	}
	best.URLs = addresses(r, dir, best)
	return best, nil
}

// addresses lists where the chosen ISO may be. The folder of the minor comes
// first: its address stays true when the next minor appears, until the vault
// takes over.
func addresses(r Request, dir string, rel *Release) []string {
	urls := []string{dir + rel.Name}
	if minor, ok := strings.CutPrefix(rel.Version, "10."); ok && !strings.Contains(minor, "-") {
		urls = []string{
			r.mirror() + "/" + rel.Version + "/isos/" + rel.Arch + "/" + rel.Name,
			dir + rel.Name,
			r.vault() + "/" + rel.Version + "/isos/" + rel.Arch + "/" + rel.Name,
		}
	}
	return uniqueStrings(urls)
}

// alternatives lists where an ISO of a known address may be by now.
func alternatives(address string, r Request) []string {
	urls := []string{address}
	u, err := url.Parse(address)
	if err != nil {
		return urls
	}
	if id, ok := parseISOName(path.Base(u.Path)); ok && !id.kitten && id.rank[0] >= 0 {
		r.Version = id.version
		urls = append(urls, r.vault()+"/"+id.version+"/isos/"+id.arch+"/"+path.Base(u.Path))
	}
	return uniqueStrings(urls)
}

func uniqueStrings(in []string) []string {
	var out []string
	for _, s := range in {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
