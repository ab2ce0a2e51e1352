package instance

// A supervisor in a process of its own, which nobody waits for.

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// ErrDetach says that this system has no processes that outlive the one that starts them.
var ErrDetach = fault.Class(fault.Host, "no detached machines here")

// word is what a supervisor says when it knows whether the machine runs.
type word struct {
	Instance *Instance `json:"instance,omitempty"`
	Error    string    `json:"error,omitempty"`
	Field    string    `json:"field,omitempty"` // what the error is about
	Hint     string    `json:"hint,omitempty"`
	Port     bool      `json:"port,omitempty"` // the error is ErrPort
}

// Detach has another process supervise the instance: argv, a program that calls
// Supervise with the folder that is its last argument. It returns when the machine
// runs, or with the error that Run has there: its class is ErrPort, or else
// ErrSupervisor. Windows has no such processes: ErrDetach.
func (f *Folder) Detach(ctx context.Context, spec Spec, argv []string) (*Instance, error) {
	i, err := f.detach(ctx, spec, argv)
	if err != nil {
		return nil, errors.Join(err, f.Remove())
	}
	return i, nil
}

func (f *Folder) detach(ctx context.Context, spec Spec, argv []string) (*Instance, error) {
	f.Spec = spec
	if err := f.write(ctx); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(f.Dir, stderrFile), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	// It stands in no folder that somebody might want to unmount.
	child, err := proc.Cmd{Path: argv[0], Args: append(argv[1:len(argv):len(argv)], f.Dir), Dir: string(filepath.Separator)}.StartDetached(log)
	if errors.Is(err, proc.ErrNoDetach) {
		return nil, &fault.Error{Class: ErrDetach, Err: err, Do: "leave out {Detach}: the machine then ends with the program that runs it"}
	} else if err != nil {
		return nil, &fault.Error{Class: ErrSupervisor, Err: err}
	}
	defer child.Stdout.Close()
	stop := context.AfterFunc(ctx, child.Kill)
	line, err := bufio.NewReader(io.LimitReader(child.Stdout, maxRecord)).ReadBytes('\n')
	if !stop() {
		return nil, context.Cause(ctx)
	}
	var w word
	if err != nil || json.Unmarshal(line, &w) != nil || w.Instance == nil && w.Error == "" {
		child.Kill()
		said, _ := smallfile.ReadAgain(ctx, log.Name(), maxRecord)
		return nil, &fault.Error{Class: ErrSupervisor, Err: fmt.Errorf("the supervisor ended without a word: %.400s", said)}
	}
	if w.Error != "" {
		class := ErrSupervisor
		if w.Port {
			class = ErrPort
		}
		return nil, &fault.Error{Class: class, Field: w.Field, Err: errors.New(w.Error), Do: w.Hint}
	}
	return w.Instance, nil
}

// Supervise runs the instance that Detach has made in dir, and tells out when the
// machine runs or that it cannot. Errors are Run's.
func Supervise(ctx context.Context, dir string, out io.Writer) error {
	s := Store{filepath.Dir(dir)}
	i, err := s.read(ctx, filepath.Base(dir))
	if err != nil {
		return err
	}
	f := &Folder{Instance: *i}
	if f.made, err = os.Stat(dir); err != nil {
		return err
	}
	say := func(w word) {
		_ = json.NewEncoder(out).Encode(w)
	}
	ran := false
	_, err = f.Run(ctx, i.Spec, func(i *Instance) {
		ran = true
		say(word{Instance: i})
	})
	if err != nil && !ran {
		var about string
		text := fault.Text(err, func(field string) string { about = field; return "" })
		say(word{Error: text, Field: about, Hint: fault.Hint(err, nil), Port: errors.Is(err, ErrPort)})
	}
	return err
}
