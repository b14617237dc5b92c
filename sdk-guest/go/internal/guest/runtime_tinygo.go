//go:build tinygo

package guest

// collector does nothing: TinyGo's collector runs when memory is allocated.
type collector struct{}

func (*collector) before(int64) {}

func (*collector) largest() int { return maxMessage }

// stack is empty: TinyGo keeps no names to print one with.
func stack() string { return "" }
