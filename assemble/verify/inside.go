// The checks that ask somebody who is logged in.

package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/imgasm/imgasm/internal/size"
)

// ask has the first machine run a script; said is why there is no answer.
func (r *run) ask(ctx context.Context, script string) (output, *verdict) {
	return r.askOf(ctx, r.clones[0], script)
}

func (r *run) askOf(ctx context.Context, c *clone, script string) (output, *verdict) {
	limit := 2 * r.Grace
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %s", limit))
	defer cancel()
	ctx, end := context.WithCancelCause(ctx)
	stop := context.AfterFunc(c.ctx, func() { end(errors.New("the machine has ended")) })
	defer stop()
	out, err := c.login.run(ctx, script)
	if err != nil {
		if c.down() {
			err = errors.New(c.fate())
		}
		v := failed(append(out.lines(), c.words()...), "while it was asked: %v", err)
		return out, &v
	}
	return out, nil
}

func checkCloudInit(ctx context.Context, r *run) verdict {
	out, bad := r.ask(ctx, "command -v cloud-init >/dev/null || { echo none; exit; }; cloud-init status --wait --long 2>&1 || true")
	if bad != nil {
		return *bad
	}
	var status, state string
	for line := range strings.Lines(out.text) {
		key, value, _ := strings.Cut(line, ":")
		switch strings.TrimSpace(key) {
		case "none":
			return skipped("there is no cloud-init")
		case "status":
			status = strings.TrimSpace(value)
		case "extended_status": // since 23.4: "degraded done"
			state = strings.TrimSpace(value)
		}
	}
	switch status {
	case "done":
	case "disabled", "not run", "":
		return skipped("cloud-init did not run: %s", strings.Join(out.lines(), " "))
	default:
		return failed(out.lines(), "its status is %q", status)
	}
	return passed("%s", cmp.Or(state, status))
}

// checkGrow compares the root file system with the image's disk: it is larger
// only if it has grown. One that is not larger has failed if something in the
// image is there to grow it.
func checkGrow(ctx context.Context, r *run) verdict {
	out, bad := r.ask(ctx, "df -P -k / | tail -n 1")
	if bad != nil {
		return *bad
	}
	fields := strings.Fields(out.text)
	if len(fields) < 2 {
		return failed(out.lines(), "df does not tell how large it is")
	}
	blocks, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil || blocks < 0 || blocks > math.MaxInt64/1024 {
		return failed(out.lines(), "df does not tell how large it is")
	}
	now, disk := blocks*1024, r.Image.SizeBytes
	if now > disk {
		return passed("%s on a disk of %s, made of one of %s", size.Text(now), size.Text(disk+GrowBytes), size.Text(disk))
	}
	out, bad = r.ask(ctx, "command -v growpart || ls -d /etc/repart.d/*.conf /usr/lib/repart.d/*.conf || systemctl cat growpart.service; true")
	switch {
	case bad != nil:
		return *bad
	case strings.HasPrefix(fields[0], "/dev/mapper/"):
		return skipped("it is on %s, which neither growpart nor systemd-repart grows: it has %s on a disk of %s", fields[0], size.Text(now), size.Text(disk+GrowBytes))
	case out.text == "":
		return skipped("nothing in the image grows it (no growpart, no systemd-repart): it has %s on a disk of %s", size.Text(now), size.Text(disk+GrowBytes))
	}
	return failed(out.lines(), "it has %s on a disk of %s, although the image has what grows it", size.Text(now), size.Text(disk+GrowBytes))
}

func checkUnits(ctx context.Context, r *run) verdict {
	out, bad := r.ask(ctx, `command -v systemctl >/dev/null || { echo none; exit; }
systemctl is-system-running --wait >/dev/null 2>&1
systemctl list-units --failed --no-legend --plain --no-pager | while read -r unit rest; do
	case $unit in *.*) echo "$unit"; systemctl status --no-pager --full --lines 10 "$unit" 2>&1 | sed 's/^/    /' ;; esac
done`)
	if bad != nil {
		return *bad
	}
	var units []string
	for _, line := range strings.Split(strings.TrimSpace(out.text), "\n") {
		if !strings.HasPrefix(line, " ") && line != "" {
			units = append(units, line)
		}
	}
	switch {
	case len(units) == 1 && units[0] == "none":
		return skipped("there is no systemd")
	case len(units) > 0:
		return failed(out.lines(), "%s", strings.Join(units, ", "))
	}
	return passed("none")
}

// mostSkew is how wrong a clock may be that nobody could set over the network.
const mostSkew = 5 * time.Minute

func checkTime(ctx context.Context, r *run) verdict {
	begun := time.Now()
	out, bad := r.ask(ctx, `date +%s
for s in chronyd chrony systemd-timesyncd ntpd ntpsec openntpd; do
	[ "$(systemctl is-active $s 2>/dev/null)" != active ] || { echo $s; exit; }
done`)
	if bad != nil {
		return *bad
	}
	words := strings.Fields(out.text)
	if len(words) == 0 {
		return failed(out.lines(), "date does not tell the time")
	}
	seconds, err := strconv.ParseInt(words[0], 10, 64)
	if err != nil {
		return failed(out.lines(), "date does not tell the time")
	}
	// The machine read its clock somewhere between the question and the answer.
	skew := max(time.Until(time.Unix(seconds, 0)), begun.Sub(time.Unix(seconds+1, 0)), 0).Round(time.Second)
	switch {
	case skew > mostSkew:
		return failed(out.lines(), "its clock is %s wrong", skew)
	case len(words) < 2:
		return failed(nil, "no time service runs: chrony, systemd-timesyncd or ntpd")
	}
	return passed("%s, and the clock is right to %s", words[1], max(skew, time.Second))
}

func checkSELinux(ctx context.Context, r *run) verdict {
	out, bad := r.ask(ctx, `command -v getenforce >/dev/null || exit 0; getenforce; sed -n 's/^SELINUX=//p' /etc/selinux/config`)
	if bad != nil {
		return *bad
	}
	words := strings.Fields(strings.ToLower(out.text))
	switch {
	case len(words) == 0:
		return skipped("there is no SELinux")
	case len(words) < 2:
		return skipped("it is %s, and no mode is configured", words[0])
	case words[0] != words[1]:
		return failed(out.lines(), "it is %s, and configured as %s", words[0], words[1])
	}
	return passed("%s", words[0])
}

func checkHostKeys(ctx context.Context, r *run) verdict {
	var seen [2]string
	for i, c := range r.clones {
		late := c.awaitLogin(ctx, r.Grace)
		switch {
		case late != "" && i == 0 && !c.down():
			return skipped("%s", late)
		case late != "":
			return failed(c.words(), "machine %d: %s", c.n, late)
		}
		if seen[i] = c.hostKeys.fingerprint(); seen[i] == "" {
			return skipped("the ssh server of machine %d has not said its key", c.n)
		}
	}
	if seen[0] == seen[1] {
		return failed([]string{seen[0]}, "both have the same: they are in the image, or the machines begin with the same random numbers")
	}
	return passed("%s and %s", seen[0], seen[1])
}

func checkMachineID(ctx context.Context, r *run) verdict {
	var ids [2]string
	for i, c := range r.clones {
		if late := c.awaitLogin(ctx, r.Grace); late != "" {
			return failed(c.words(), "machine %d: %s", c.n, late)
		}
		if why := c.mute(); why != "" {
			return failed(nil, "machine %d: %s", c.n, why)
		}
		out, bad := r.askOf(ctx, c, "cat /etc/machine-id")
		if bad != nil {
			return *bad
		}
		if ids[i] = strings.TrimSpace(out.text); ids[i] == "" || out.status != 0 {
			return skipped("machine %d has none: %s", c.n, strings.Join(out.lines(), " "))
		}
	}
	if ids[0] == ids[1] {
		return failed(ids[:1], "both have the same: /etc/machine-id in the image should be empty")
	}
	return passed("%.8s… and %.8s…", ids[0], ids[1])
}
