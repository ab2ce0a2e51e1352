// Package remote has another host do what a program of ours does here: over an ssh
// connection it sends what the work is made from, starts it there as a process that
// no lost connection ends, follows what it says, and brings home what it has made.
//
// On the host the work is a job, with a folder of its own below the folder that
// Server.Dir names (its owner's alone, mode 0700):
//
//	jobs/ID/job.json   what a list shows; there from the moment the job runs
//	jobs/ID/in, out    its inputs and what it makes; it runs in jobs/ID
//	jobs/ID/lines      what it has said, one JSON object a line
//	jobs/ID/stderr     what its process said by itself
//	jobs/ID/end.json   how it ended; there from the moment it has
//	files/SHA256       inputs, by their contents
//	bin/               imgasm itself, where the host has none: see Dial
//
// Both ends speak lines of JSON: a call, and its replies. What package transfer
// writes follows some of them.
package remote

import (
	"encoding/json"
	"regexp"
	"time"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/proc"
)

// Classes of errors.
var (
	// ErrHost says that the other host cannot do what it is asked.
	ErrHost = fault.Class(fault.Host, "the other host cannot do it")
	// ErrNoJob says that the other host has no such job.
	ErrNoJob = fault.Class(fault.Input, "no such job")
	// ErrPlace says that no folder can be made for what comes home.
	ErrPlace = fault.Class(fault.Input, "no place for what comes home")
	// ErrLost says that the connection broke, or could not be made again in time.
	ErrLost = fault.Class(fault.Timeout, "the connection to the other host is lost")
)

// Request is what another host is asked to do.
type Request struct {
	ID    string            `json:"id"`              // NewID's
	Title string            `json:"title"`           // what a list calls it: no secret
	From  string            `json:"from"`            // who asks: user@host
	Args  []string          `json:"args"`            // of the program, its inputs and outputs by their names there
	Aside json.RawMessage   `json:"aside,omitempty"` // what the program there is told besides, by this one
	Env   map[string]string `json:"env,omitempty"`   // what is to be found in the environment there
	Files []File            `json:"files,omitempty"` // inputs, which are sent before
	// Held are small files that are kept in the memory of the job's process alone,
	// such as passwords, by the names that Args have for them.
	Held map[string][]byte `json:"held,omitempty"`
	Nice bool              `json:"nice,omitempty"` // it gives way to others
	// Home says where things go that come back: the caller's own, and no secret.
	Home json.RawMessage `json:"home,omitempty"`
}

// File is a file in a job's folder.
type File struct {
	Path   string `json:"path"` // relative to the job's folder, or for End's to its folder out; with slashes
	SHA256 string `json:"sha256,omitempty"`
	Size   int64  `json:"size"`
	Mode   uint32 `json:"mode,omitempty"` // permissions; of an input 0: they are of no account
	Link   string `json:"link,omitempty"` // it is a symbolic link to that
	Dir    bool   `json:"dir,omitempty"`
}

// Job is a job as the host knows it.
type Job struct {
	ID      string          `json:"id"`
	Title   string          `json:"title"`
	From    string          `json:"from"`
	Home    json.RawMessage `json:"home,omitempty"`
	Started time.Time       `json:"started"`
	PID     int             `json:"pid"`
	Process string          `json:"process"` // that of PID: see proc.Identity
	Inputs  []string        `json:"inputs,omitempty"`
	End     *End            `json:"end,omitempty"` // nil: it runs
}

// running reports whether the job's process lives.
func (j *Job) running() bool { return proc.Alive(j.PID, j.Process) }

// End is how a job ended.
type End struct {
	Code int    `json:"code"` // exit code
	Text string `json:"text,omitempty"`
	Hint string `json:"hint,omitempty"`
	Told bool   `json:"told,omitempty"` // programs that read what it says know the error from there
	// Killed: its process has ended without a word. Text is the end of what it said
	// on its standard error.
	Killed bool      `json:"killed,omitempty"`
	Time   time.Time `json:"time"`
	Files  []File    `json:"files,omitempty"` // what it has made, below its folder out
}

// Need is what some work needs of the host.
type Need struct {
	Arch      string `json:"arch,omitempty"`     // of a virtual machine; "": the host's
	Machine   bool   `json:"machine,omitempty"`  // it starts virtual machines
	Firmware  bool   `json:"firmware,omitempty"` // and they need UEFI firmware that the host has
	Accel     string `json:"accel,omitempty"`    // that must work; "", "auto": any
	QEMU      string `json:"qemu,omitempty"`     // the path of QEMU there; "": found
	FreeBytes int64  `json:"freeBytes"`          // on the file system of the jobs
}

// Caution is something about the host that is worth knowing before.
type Caution struct {
	Text string `json:"text"`
	Do   string `json:"do,omitempty"`
}

var jobID = regexp.MustCompile(`^[a-z0-9]{12}$`)

// call is what a client asks.
type call struct {
	Op      string   `json:"op"`
	ID      string   `json:"id,omitempty"`
	IDs     []string `json:"ids,omitempty"`
	From    int64    `json:"from,omitempty"` // a line's number, or a byte's
	Path    string   `json:"path,omitempty"`
	SHA256  string   `json:"sha256,omitempty"`
	Size    int64    `json:"size,omitempty"`
	Need    *Need    `json:"need,omitempty"`
	Files   []File   `json:"files,omitempty"`
	Request *Request `json:"request,omitempty"`
}

// The calls.
const (
	opCheck  = "check"  // Need → Cautions
	opHave   = "have"   // Files → those that are missing
	opPut    = "put"    // SHA256, Size → From; then the client sends from there → an empty reply
	opStart  = "start"  // Request → an empty reply
	opFollow = "follow" // ID, From → replies with Line, the last one with End
	opStop   = "stop"   // ID, also while it is followed; no reply
	opGet    = "get"    // ID, Path, From, SHA256 of what is before it → From; then the server sends from there
	opDone   = "done"   // ID → an empty reply
	opList   = "list"   // → Jobs
	opClean  = "clean"  // IDs → Jobs: those that are gone
)

// reply is what a server answers.
type reply struct {
	Hello *Hello `json:"hello,omitempty"` // unasked, at first

	Error string `json:"error,omitempty"`
	Hint  string `json:"hint,omitempty"`
	NoJob bool   `json:"noJob,omitempty"` // the error is ErrNoJob

	From     int64     `json:"from,omitempty"`
	Line     string    `json:"line,omitempty"` // "": none, the server only lives
	End      *End      `json:"end,omitempty"`
	Files    []File    `json:"files,omitempty"`
	Jobs     []Job     `json:"jobs,omitempty"`
	Cautions []Caution `json:"cautions,omitempty"`
}

// Hello is what a host says of itself.
type Hello struct {
	Version string `json:"version"` // of its imgasm
	OS      string `json:"os"`      // as runtime.GOOS
	Arch    string `json:"arch"`    // "x86_64", "aarch64"
	Dir     string `json:"dir"`     // where its jobs are
	// Time is its clock's: that of a job's lines may differ from this host's.
	Time time.Time `json:"time"`
}
