package spl

// Datamodel reads the events of a dataset: from datamodel, or datamodel … search.
type Datamodel struct {
	At
	Model, Dataset string
	// Prefixed tells that the names of fields have that of the dataset before them, as datamodel has them
	// unless it says flat.
	Prefixed bool
	// Own tells that it is the command datamodel.
	Own bool
}

// Command returns from or datamodel.
func (d *Datamodel) Command() string {
	if d.Own {
		return "datamodel"
	}
	return "from"
}

// String writes the command with its dataset.
func (d *Datamodel) String() string {
	if d.Own {
		mode := "flat"
		if d.Prefixed {
			mode = "search"
		}
		return line("datamodel", quote(d.Model), quote(d.Dataset), mode)
	}
	name := d.Model
	if d.Dataset != "" {
		name += "." + d.Dataset
	}
	return "from datamodel " + quote(name)
}
