// Spec → Plan: everything that can be wrong before Nix begins is found out here.
// Resolving only reads.

package nixos

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/guest"
	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/derive"
	"github.com/imgasm/imgasm/internal/size"
	"github.com/imgasm/imgasm/qemu"
)

// Plan is everything that a build will do and with what.
type Plan struct {
	Spec    Spec // with its defaults filled in
	Outputs *assemble.Outputs
	Host    host.Host
	Nix     Builder

	// Own is the folder of imgasm's own flake, which the build writes if it is not
	// there; "": the flake is the user's.
	Own string
	// Attribute is what is built of the flake.
	Attribute string
	// Guests are what verifies the image; nil: without a verification there need be none.
	Guests      *guest.Runner
	TestMachine qemu.Config
	Time        time.Time // of what a format dates
	Dated       bool      // Time is SOURCE_DATE_EPOCH
	Steps       []assemble.StepPlan
	Cautions    []assemble.Caution // things that must not be overlooked

	ref    string // the flake as nix takes it
	arch   arch.Arch
	seed   string // hash of what was asked for, for identifiers
	hidden *assemble.Secrets
}

// guestMemory is enough for a NixOS that only boots, in MiB.
const guestMemory = 2048

// leastSpace is what a small NixOS takes as a disk and as an image, in bytes.
const leastSpace = 2 << 30

// Resolve decides everything about a build of s on host h.
//
// Errors: of class ErrInput for what the user gave; ErrHost, and nixglue's,
// firmware's, qemu's and accel's own, for what the host lacks.
func Resolve(ctx context.Context, h host.Host, s Spec) (_ *Plan, err error) {
	p := &Plan{Host: h, hidden: s.secrets()}
	defer func() { err = assemble.Hide(err, p.hidden) }()
	if p.Spec, p.arch, err = s.complete(); err != nil {
		return nil, err
	}
	if p.Outputs, err = p.Spec.Resolve(); err != nil {
		return nil, err
	}
	if p.Spec.Locked {
		if _, err := p.Spec.ReadLock(); err != nil { // before anything is fetched
			return nil, err
		}
	}
	if err := p.resolveFlake(); err != nil {
		return nil, err
	}
	if err := p.resolveDate(); err != nil {
		return nil, err
	}
	free, err := h.Free(filepath.Dir(p.Outputs.Path))
	if err == nil && free < leastSpace {
		p.caution(fmt.Sprintf("%s has %s free, and a small NixOS takes about %s as a disk and as an image", filepath.Dir(p.Outputs.Path), size.Text(free), size.Text(leastSpace)),
			"free some space, or give {Out} on another disk")
	}
	if err := p.resolveNix(ctx); err != nil {
		return nil, err
	}
	if err := p.resolveGuests(ctx); err != nil {
		return nil, err
	}
	p.Steps = assemble.Describe(p.steps(&build{plan: p}))
	return p, nil
}

func (p *Plan) caution(text, do string) {
	p.Cautions = append(p.Cautions, assemble.Caution{Text: text, Do: do})
}

func (p *Plan) resolveFlake() (err error) {
	p.Attribute = p.Spec.attribute(p.arch)
	p.ref, _, _ = strings.Cut(p.Spec.Flake, "#")
	if p.ref == "" {
		if p.Own, err = ownFlake(p.Host.CacheDir); err != nil {
			return err
		}
		p.ref = folderURL(p.Own)
	}
	text, err := json.Marshal(struct {
		Arch, Flake, Attribute string
		Formats                []string
		Assembly               Assembly
	}{p.arch.Name, p.Spec.Flake, p.Attribute, p.Spec.Formats, p.Spec.Assembly})
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	p.seed = hex.EncodeToString(sum[:])
	return nil
}

func (p *Plan) resolveDate() (err error) {
	if p.Time, p.Dated, err = p.Host.SourceDate(); !p.Dated {
		p.Time = derive.Date(p.seed)
	}
	return err
}

// resolveGuests finds what boots the image. A host without QEMU may build without
// a verification.
func (p *Plan) resolveGuests(ctx context.Context) error {
	r, err := guest.Find(ctx, p.Host, p.Spec.Machine, guest.Want{Arch: p.arch.Name, MemoryMiB: guestMemory})
	if err != nil && p.Spec.NoVerify {
		return nil
	} else if err != nil {
		return err
	}
	r.Hold = p.Spec.KeepVM
	p.Spec.Machine = r.Spec
	m, _, err := r.QEMU.Fit(r.TestConfig(p.Outputs, derive.UUID(p.seed, "machine")))
	if err != nil {
		return err
	}
	p.Guests, p.TestMachine = &r, m
	return nil
}

// bios reports whether the image is for a BIOS: only if the user says so, since
// imgasm's own is for UEFI.
func (p *Plan) bios() bool { return p.Spec.Firmware == "bios" }
