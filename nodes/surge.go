package nodes

// Surge says whether a node's machine was added for an upgrade ([Fleet.Add]).
func (f *Fleet) Surge(name string) bool {
	m := f.named(name)
	return m != nil && m.surge // never changes once it is in the roster
}
