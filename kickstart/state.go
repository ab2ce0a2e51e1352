// What lint remembers on its way through a file.

package kickstart

// state is what commands leave behind for later ones.
type state struct {
	seen           map[string]int // first line of a command, by its table name
	defined        map[string]int // line of a definition, by kind and name
	snapshots      map[string]int
	ignored        []string // disks
	onlyUse        []string
	autopartType   string
	autopartFstype string
	xlayouts       []string
	logHost        string
	logPort        string
	enabled        []string
	disabled       []string
	realmJoined    bool
	iscsi          *iscsiMode      // of the first iscsi command
	broken         map[string]bool // commands and sections that lines which cannot be read are meant to be; "" for no known one
	swallowed      bool            // a section without end may have taken lines for its own
	unread         bool            // something is included that lint did not see
	hasPre         bool            // a %pre script may write the files to include
	includes       int
	includedBytes  int
	packages       packageState
	facts          facts
}

// iscsiMode is whether iSCSI targets are bound to a network interface.
type iscsiMode struct {
	bound bool
	at    entryPlace
}
