// Holding a guest that failed: imgasm waits with it and serves its
// serial console, so that somebody can look. QEMU still ends when imgasm does.

package guest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/assemble/watch"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/proc"
)

// consoleFile in a working folder names the socket at which a held guest's
// console is served.
const consoleFile = "console"

// hold keeps a guest that failed with err, paused or running as it is, until ctx
// or QEMU ends. What failed is told first: the build's own error comes after that.
func hold(ctx context.Context, j *assemble.Job, g *watch.Guest, w Watched, err error) {
	defer func() {
		g.VM.Kill()
		j.DropImages()
	}()
	state := "as it is"
	asking, cancel := context.WithTimeout(ctx, 5*time.Second)
	if s, err := g.VM.Status(asking); err == nil {
		state = "as it is, " + s.Status
	}
	cancel()
	j.Emit(event.Event{Kind: event.Warning, Text: err.Error(), Hint: assemble.Hint(err)})
	text := fmt.Sprintf("the guest of %s is kept %s, until Ctrl-C", w.What, state)
	console, err := g.Serve(lastLines(j.Folder, w.Logs[anaconda.OnConsole], 4<<10))
	if err == nil {
		// Whole at once: imgasm console may look at any time.
		if err = j.Folder.WriteFile(consoleFile+".new", []byte(console.Address()), 0o600); err == nil {
			err = j.Folder.Rename(consoleFile+".new", consoleFile)
		}
		if err != nil {
			defer console.Close()
		}
	}
	if err != nil {
		j.Emit(event.Event{Kind: event.Warning, Text: text + "; its console cannot be reached: " + err.Error()})
	} else {
		j.Emit(event.Event{Kind: event.Warning, Text: text, Hint: "to talk to it, run in another terminal: " + proc.Quote([]string{"imgasm", "console", j.Outputs.Path})})
	}
	select {
	case <-ctx.Done():
	case <-g.VM.Done():
		j.Note("the kept guest is gone: QEMU has ended")
	}
	g.VM.Kill() // whoever writes to the guest is let go
	if err == nil {
		_ = j.Folder.Remove(consoleFile)
		console.Close()
	}
}

// lastLines is the end of a log, from the beginning of a line.
func lastLines(folder *os.Root, name string, most int64) []byte {
	f, err := folder.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	from := max(0, info.Size()-most)
	text := make([]byte, info.Size()-from)
	n, _ := f.ReadAt(text, from) // what is there is shown
	text = text[:n]
	if _, rest, ok := strings.Cut(string(text), "\n"); ok && from > 0 {
		return []byte(rest)
	}
	return text
}

func noConsole(out string) error {
	return &fault.Error{
		Class: ErrNoConsole, Err: fmt.Errorf("%s: no imgasm holds a guest for this output", out),
		Do: "a build with {KeepVM} holds a guest that fails; imgasm console OUT takes the same OUT",
	}
}

// Dial connects to the serial console of the guest that a build of out
// holds. "" stands for the only one in the current folder.
//
// Errors: of class ErrNoConsole; assemble.ErrInput if "" names several.
func Dial(out string) (net.Conn, error) {
	if out == "" {
		held, err := filepath.Glob(filepath.Join(".*.imgasm", consoleFile))
		if err != nil {
			return nil, err
		}
		var names []string
		for _, h := range held {
			names = append(names, strings.TrimSuffix(strings.TrimPrefix(filepath.Dir(h), "."), ".imgasm"))
		}
		switch len(names) {
		case 0:
			return nil, noConsole("this folder")
		case 1:
			out = names[0]
		default:
			return nil, bad("", fmt.Errorf("there are several: %s", strings.Join(names, ", ")), "imgasm console "+names[0])
		}
	}
	path, err := filepath.Abs(out)
	if err != nil {
		return nil, bad("", err, "")
	}
	folder, err := assemble.OpenOwn(assemble.WorkFolder(path))
	switch {
	case errors.Is(err, assemble.ErrForeign):
		return nil, err
	case err != nil:
		return nil, noConsole(out)
	}
	defer folder.Close()
	address, err := folder.ReadFile(consoleFile)
	if err != nil {
		return nil, noConsole(out)
	}
	conn, err := watch.Dial(string(address))
	if err != nil { // a build that was killed, or a folder that came with an archive
		return nil, noConsole(out)
	}
	return conn, nil
}
