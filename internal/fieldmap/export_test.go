package fieldmap

// Enforced is the view over a cluster, where every event is as its mapping says.
func (v View) Enforced() View {
	v.enforced = true
	return v
}
