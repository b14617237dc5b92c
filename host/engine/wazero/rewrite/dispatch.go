package rewrite

// Go compiles a function with jumps to one loop around nested blocks:
//
//	loop  block block ... block  local.get P  br_table 0 1 2 ...  end ... end ... end  end
//
// and every jump, forward ones too, to i32.const K; local.set P; br loop. Such
// a loop is checked at the branches back to it instead of at its head, and
// those that jump forward are not checked at all: the table's entry K names a
// block that has not ended at the branch, so that execution goes on further
// down in the code than it was.

// dispatch is an open loop of that form.
type dispatch struct {
	local   uint32 // P
	blocks  int
	opening int // blocks of the form not yet reached
	ended   int // innermost first
	scope   int // index of the scope that its cost counts in
	start   int // that scope's cost at the loop
	targets int // where its table starts in body.targets; the last entry is the default
	ends    int // where the costs at its blocks' ends start in body.ends
}

// jump follows the two instructions before a branch.
type jump struct {
	state jumpState
	to    uint32 // the constant
	local uint32 // the local it was put into
}

type jumpState uint8

const (
	jumpNone  jumpState = iota
	jumpConst           // i32.const
	jumpSet             // i32.const and local.set
)

// openDispatch looks at what follows a loop's block type at offset p and, when
// it has the form, appends to b.loops.
func (b *body) openDispatch(p int) bool {
	code, blocks := b.code, 0
	for p+1 < len(code) && code[p] == opBlock && code[p+1] == blockEmpty {
		blocks++
		p += 2
	}
	if blocks == 0 || p >= len(code) || code[p] != opLocalGet {
		return false
	}
	local, p := u32(code, p+1)
	if p >= len(code) || code[p] != opBrTable {
		return false
	}
	n, p := u32(code, p+1)
	if p > len(code) || uint64(n) >= uint64(len(code)-p) {
		return false
	}
	start := len(b.targets)
	for i := uint64(0); i <= uint64(n); i++ {
		var label uint32
		label, p = u32(code, p)
		b.targets = append(b.targets, label)
	}
	if p > len(code) {
		b.targets = b.targets[:start]
		return false
	}
	b.loops = append(b.loops, dispatch{
		local: local, blocks: blocks, opening: blocks,
		scope: len(b.scopes), start: b.cost,
		targets: start, ends: len(b.ends),
	})
	return true
}

func (b *body) closeDispatch() {
	d := b.loops[len(b.loops)-1]
	b.loops = b.loops[:len(b.loops)-1]
	b.targets = b.targets[:d.targets]
	b.ends = b.ends[:d.ends]
}

// distance says whether a branch to a dispatch loop goes back, and the cost of
// the code between where it goes on and the branch, or more where that is not
// known. before are the two instructions before the branch, which count when it
// is unconditional.
func (b *body) distance(loop int, unconditional bool, before jump) (cost int, back bool) {
	d := &b.loops[loop]
	here := b.cost
	if d.scope < len(b.scopes) {
		here = b.scopes[d.scope]
	}
	if unconditional && before.state == jumpSet && before.local == d.local {
		end := len(b.targets)
		if loop+1 < len(b.loops) {
			end = b.loops[loop+1].targets
		}
		table := b.targets[d.targets:end]
		to := table[min(uint64(before.to), uint64(len(table)-1))]
		switch {
		case uint64(to) >= uint64(d.blocks): // the loop itself, or a block around it
		case int(to) >= d.ended:
			return 0, false
		default:
			return here - b.ends[d.ends+int(to)], true
		}
	}
	return here - d.start, true
}
