package pushdown

// Enforced is the view over a cluster, where every event is as its mapping says.
func (v View) Enforced() View {
	v.enforced = true
	return v
}

// All is the view of all sources.
func (m Map) All() View { return View{Sources: m.sources} }
