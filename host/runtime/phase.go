package runtime

// Phase is where a component is in its life. The words are those of logs,
// metadata and the command line.
type Phase string

const (
	Waiting   Phase = "waiting"           // for the components that it needs
	Reading   Phase = "read manifest"     // its plugin is looked for
	Verifying Phase = "validate metadata" // its metadata is compared with the manifest
	Compiling Phase = "compile"           // and, right after, instantiated, snapshotted and initialised
	Ready     Phase = "ready"
	Poisoned  Phase = "poisoned" // no instance is left, another will be started
	Draining  Phase = "draining" // calls that run may end, new ones are refused
	Closed    Phase = "closed"
	Failed    Phase = "failed" // it did not start
)
