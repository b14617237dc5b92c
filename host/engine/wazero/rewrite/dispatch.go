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
	state uint8  // 1 after i32.const, 2 after i32.const and local.set
	to    uint32 // the constant
	local uint32
}

// openDispatch looks at what follows a loop's block type and, when it has the
// form, appends to b.loops.
func (b *body) openDispatch(code []byte, p, cost int) bool {
	blocks := 0
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
		scope: len(b.scopes), start: cost,
		targets: start, ends: len(b.ends),
	})
	return true
}

// endDispatchBlock notes that the innermost open block of the loop ends here.
func (b *body) endDispatchBlock(loop, cost int) {
	b.loops[loop].ended++
	b.ends = append(b.ends, cost)
}

func (b *body) closeDispatch() {
	d := b.loops[len(b.loops)-1]
	b.loops = b.loops[:len(b.loops)-1]
	b.targets = b.targets[:d.targets]
	b.ends = b.ends[:d.ends]
}

// backEdge says whether a branch to a dispatch loop has to be checked, and how
// much code lies between where it goes on and the branch, as far as is known.
// The two instructions before count when the branch is unconditional.
func (b *body) backEdge(loop, cost int, unconditional bool, before jump) (distance int, back bool) {
	d := &b.loops[loop]
	if d.scope < len(b.scopes) {
		cost = b.scopes[d.scope]
	}
	if unconditional && before.state == 2 && before.local == d.local {
		last := len(b.targets) - 1
		if loop+1 < len(b.loops) {
			last = b.loops[loop+1].targets - 1
		}
		to := b.targets[min(uint64(d.targets)+uint64(before.to), uint64(last))]
		switch {
		case uint64(to) >= uint64(d.blocks): // the loop itself, or one further out
		case int(to) >= d.ended:
			return 0, false
		default:
			return cost - b.ends[d.ends+int(to)], true
		}
	}
	return cost - d.start, true
}
